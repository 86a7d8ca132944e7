//! How the program is linked on x86-64: to stand at one address.
//!
//! A program that can stand anywhere, which is the default, holds some 17,000 addresses that the
//! loader has to fill in at every start, in 68 pages that have to be copied for it: a fifth of the
//! time to the first answer. The price: an attacker knows where the program's own code stands. Heap,
//! stack and libraries still move, none of the code here is `unsafe`, and Lambda runs it alone in a
//! virtual machine.

fn main() {
    // It reads nothing else. Without a word cargo would run it whenever any file changes.
    println!("cargo::rerun-if-env-changed=CARGO_CFG_TARGET_ARCH");
    let target = |part| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    // Where it was tried, with the linkers of Rust and of zig; elsewhere the default stays.
    if target("OS") == "linux" && target("ARCH") == "x86_64" && target("ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
