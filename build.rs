//! Says in which order the libraries are linked. It builds nothing.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // libc has almost all of the functions that the program imports. The dynamic loader looks in the
    // libraries in the order of linking, so with libc first it finds them at once, at every start.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-lib=dylib=c");
    }
}
