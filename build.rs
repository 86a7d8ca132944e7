//! How the program is linked on x86-64: to stand at one address.
//!
//! A program that can stand anywhere, which is the default, holds some 17,000 addresses that the
//! loader has to fill in at every start, in 68 pages that have to be copied for it: a quarter of a
//! cold start. The price: where the program's own code stands is no secret to an attacker. Heap,
//! stack and libraries still move; the code has no unsafe of ours, and Lambda runs it alone in a
//! virtual machine.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |part| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    // What the tests prove; elsewhere the default stays.
    if target("OS") == "linux" && target("ARCH") == "x86_64" && target("ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
