//! Names of instruction sets.

use harness_kernels::Cap;

/// As [`harness_kernels::instruction_set`] says it.
pub fn told(set: Cap) -> &'static str {
    match set {
        Cap::Scalar => "scalar",
        Cap::Neon => "neon",
        Cap::Avx2 => "avx2+fma",
        Cap::Avx512 => "avx512f",
    }
}
