//! The migrations are embedded by a macro, which cargo cannot see through: without this, a new one would not be noticed.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/auth");
}
