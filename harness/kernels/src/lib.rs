pub mod simd;
pub mod product;
pub use simd::instruction_set;
