/// Requests that are counted together. Each request belongs to one class at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    General,
    Login,
    Register,
    /// Whatever makes a provider work.
    Generation,
    /// `/api/video/*`, whose client polls.
    Video,
}

impl Class {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Login => "login",
            Self::Register => "register",
            Self::Generation => "generation",
            Self::Video => "video",
        }
    }

    /// Whether an address is counted whoever calls: else each account that somebody makes would come with another limit, to make more
    /// accounts with or to guess passwords.
    pub const fn is_by_address(self) -> bool {
        match self {
            Self::Login | Self::Register => true,
            Self::General | Self::Generation | Self::Video => false,
        }
    }
}
