//! The harness with my-method beside the methods that it has.

fn main() -> std::process::ExitCode {
    let methods = [harness::registry::ALGORITHMS, &[my_method::ENTRY]].concat();
    harness::main_with(&methods)
}
