//! User names that nobody may take who is not given them: whoever has one is taken for the operator, or for a part of the platform.

use std::{collections::HashSet, sync::LazyLock};

use unicode_security::skeleton;

/// In lower case and without separators.
const RESERVED: &[&str] = &[
    // Who runs it.
    "admin",
    "administrator",
    "administration",
    "admins",
    "superadmin",
    "superuser",
    "sysadmin",
    "systemadmin",
    "sysop",
    "root",
    "system",
    "operator",
    "owner",
    "staff",
    "team",
    "moderator",
    "moderators",
    "mod",
    "official",
    "verified",
    "zoetrope",
    "管理员",
    "系统管理员",
    "超级管理员",
    "管理",
    "系统",
    "官方",
    "客服",
    "客服中心",
    "版主",
    "運営",
    "管理者",
    "公式",
    "관리자",
    "운영자",
    // Who is written to (RFC 2142 and habit).
    "support",
    "help",
    "helpdesk",
    "service",
    "customerservice",
    "contact",
    "info",
    "sales",
    "billing",
    "payment",
    "payments",
    "security",
    "abuse",
    "noc",
    "legal",
    "privacy",
    "postmaster",
    "hostmaster",
    "webmaster",
    "mailerdaemon",
    "daemon",
    "noreply",
    "donotreply",
    "newsletter",
    "notifications",
    // What programs call nobody and everybody.
    "anonymous",
    "nobody",
    "everyone",
    "everybody",
    "all",
    "guest",
    "null",
    "none",
    "nil",
    "undefined",
    "unknown",
    "true",
    "false",
    "self",
    "me",
    "user",
    "users",
    "username",
    "deleted",
    "deleteduser",
    // What stands in addresses.
    "api",
    "apidocs",
    "app",
    "auth",
    "oauth",
    "login",
    "logout",
    "signin",
    "signout",
    "signup",
    "register",
    "account",
    "accounts",
    "profile",
    "settings",
    "password",
    "media",
    "static",
    "assets",
    "public",
    "health",
    "livez",
    "readyz",
    "metrics",
    "status",
    "www",
    "ftp",
    "mail",
    "smtp",
    "imap",
    "localhost",
    "wellknown",
    "robotstxt",
    "faviconico",
    "indexhtml",
    "indexphp",
    "sitemapxml",
    "htaccess",
    "env",
];

static LOOKS: LazyLock<HashSet<String>> = LazyLock::new(|| RESERVED.iter().map(|name| look(name)).collect());

/// Whether a name is reserved or looks like one that is, whatever its case and separators.
pub fn is_reserved(name: &str) -> bool {
    LOOKS.contains(&look(name))
}

/// What one sees of a name (the skeleton of UTS 39): equal for names that look the same, in whatever scripts they are written.
fn look(name: &str) -> String {
    let letters: String = name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    skeleton(&letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_are_known_however_they_are_written() {
        for name in ["admin", "ADMIN", "Ad.min", "_root_", "no-reply", "Customer Service", "管理员", "robots.txt", "rnoderator"]
        {
            assert!(is_reserved(name), "{name}");
        }
    }

    #[test]
    fn names_that_look_like_a_reserved_one_are_known_in_other_scripts() {
        // Cyrillic, in part and as a whole.
        for name in ["\u{430}dmin", "r\u{43e}\u{43e}t", "\u{440}\u{430}yment", "\u{455}y\u{455}tem", "\u{430}\u{440}\u{456}"] {
            assert!(is_reserved(name), "{name}");
        }
    }

    #[test]
    fn other_names_are_free() {
        for name in ["ann", "admin1", "adminton", "rooty", "Иван", "王小明", "helper", "supporter", "test", "demo"] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
