//! The library is compiled in: a file that is added must be noticed too.
fn main() {
    println!("cargo:rerun-if-changed=../../prompts");
}
