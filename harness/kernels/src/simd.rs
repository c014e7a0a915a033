//! The number types of the kernels over the registers of [`pulp`].
//!
//! `pulp` chooses the instruction set when the program runs, so one binary serves every machine. Its operations
//! carry the type in their name (`add_f32s`, `add_f64s`); [`Real`] takes the name away, so that a kernel is written
//! once, runs in `f32` where speed matters and in `f64` where a gradient is checked.

use pulp::{Arch, MemMask, Simd, WithSimd};
use std::cell::Cell;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};
use std::sync::atomic::{AtomicUsize, Ordering};

/// `f32` or `f64`, with the vector operations that the kernels need.
///
/// Loads and stores are unaligned. `*_part` touch the first lanes of a [`Real::mask`] only; the others read as zero.
pub trait Real:
    Copy
    + Default
    + PartialOrd
    + Send
    + Sync
    + std::fmt::Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + 'static
{
    /// A full register.
    type V<S: Simd>: Copy;
    /// Which lanes of a register take part.
    type M<S: Simd>: Copy;
    /// Whether convolutions may go over tiles. Outside this crate's tests f64 is only what tests of others compare with: its direct
    /// kernels do, and a program need not wait for the compiler to write the tiles twice.
    const TILED: bool;

    fn of(x: f64) -> Self;
    fn f64(self) -> f64;
    fn exp(self) -> Self;
    fn tanh(self) -> Self;

    /// Elements a register holds.
    fn lanes<S: Simd>() -> usize;
    /// The first `n` lanes, `n` at most [`Real::lanes`].
    fn mask<S: Simd>(s: S, n: usize) -> Self::M<S>;
    fn splat<S: Simd>(s: S, x: Self) -> Self::V<S>;
    fn vadd<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    fn vsub<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    fn vmul<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    fn vdiv<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    /// a·b + c, in one rounding where the machine has it.
    fn fma<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>, c: Self::V<S>) -> Self::V<S>;
    /// The larger one; anything where one of them is NaN.
    fn vmax<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    /// max(a, 0), and NaN where a is: what has left the real line must still be seen in the answers.
    fn relu<S: Simd>(s: S, a: Self::V<S>) -> Self::V<S>;
    fn vsqrt<S: Simd>(s: S, a: Self::V<S>) -> Self::V<S>;
    /// `yes` in the lanes where a > b, else `no`.
    fn pick_gt<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>, yes: Self::V<S>, no: Self::V<S>) -> Self::V<S>;

    /// `yes` in the lanes where a = b, else `no`.
    fn pick_eq<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>, yes: Self::V<S>, no: Self::V<S>) -> Self::V<S>;

    /// # Safety
    /// All lanes from `p` on are readable.
    unsafe fn load<S: Simd>(s: S, p: *const Self) -> Self::V<S>;
    /// # Safety
    /// All lanes from `p` on are writable.
    unsafe fn store<S: Simd>(s: S, p: *mut Self, v: Self::V<S>);
    /// # Safety
    /// The lanes of `m` are readable.
    unsafe fn load_part<S: Simd>(s: S, p: *const Self, m: Self::M<S>) -> Self::V<S>;
    /// # Safety
    /// The lanes of `m` are writable.
    unsafe fn store_part<S: Simd>(s: S, p: *mut Self, v: Self::V<S>, m: Self::M<S>);
}

macro_rules! real {
    ($t:ty, $v:ident, $m:ident, $between:ident, $int:ty, $splat:ident, $add:ident, $sub:ident, $mul:ident, $div:ident,
     $fma:ident, $max:ident, $sqrt:ident, $gt:ident, $eq:ident, $select:ident, $load:ident, $store:ident) => {
        impl Real for $t {
            type V<S: Simd> = S::$v;
            type M<S: Simd> = MemMask<S::$m>;
            const TILED: bool = size_of::<$t>() == size_of::<f32>() || cfg!(test);

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn exp(self) -> Self {
                <$t>::exp(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                <$t>::tanh(self)
            }
            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                size_of::<S::$v>() / size_of::<$t>()
            }
            #[inline(always)]
            fn mask<S: Simd>(s: S, n: usize) -> Self::M<S> {
                // Rebuilt from the bare mask: the one that pulp returns carries an indirect call.
                MemMask::new(s.$between(0, n as $int).mask())
            }
            #[inline(always)]
            fn splat<S: Simd>(s: S, x: Self) -> Self::V<S> {
                s.$splat(x)
            }
            #[inline(always)]
            fn vadd<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S> {
                s.$add(a, b)
            }
            #[inline(always)]
            fn vsub<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S> {
                s.$sub(a, b)
            }
            #[inline(always)]
            fn vmul<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S> {
                s.$mul(a, b)
            }
            #[inline(always)]
            fn vdiv<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S> {
                s.$div(a, b)
            }
            #[inline(always)]
            fn fma<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>, c: Self::V<S>) -> Self::V<S> {
                s.$fma(a, b, c)
            }
            #[inline(always)]
            fn vmax<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S> {
                s.$max(a, b)
            }
            #[inline(always)]
            fn relu<S: Simd>(s: S, a: Self::V<S>) -> Self::V<S> {
                let zero = Self::splat(s, 0.0);
                // x86 gives the second one where either is NaN, NEON gives NaN; only Rust's own maximum drops it.
                if size_of::<Self::V<S>>() == size_of::<Self>() {
                    Self::pick_gt(s, zero, a, zero, a)
                } else {
                    s.$max(zero, a)
                }
            }
            #[inline(always)]
            fn vsqrt<S: Simd>(s: S, a: Self::V<S>) -> Self::V<S> {
                s.$sqrt(a)
            }
            #[inline(always)]
            fn pick_gt<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>, yes: Self::V<S>, no: Self::V<S>) -> Self::V<S> {
                s.$select(s.$gt(a, b), yes, no)
            }
            #[inline(always)]
            fn pick_eq<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>, yes: Self::V<S>, no: Self::V<S>) -> Self::V<S> {
                s.$select(s.$eq(a, b), yes, no)
            }
            #[inline(always)]
            unsafe fn load<S: Simd>(_: S, p: *const Self) -> Self::V<S> {
                // SAFETY: the caller's promise: a whole register is readable.
                unsafe { p.cast::<S::$v>().read_unaligned() }
            }
            #[inline(always)]
            unsafe fn store<S: Simd>(_: S, p: *mut Self, v: Self::V<S>) {
                // SAFETY: the caller's promise: a whole register is writable.
                unsafe { p.cast::<S::$v>().write_unaligned(v) }
            }
            #[inline(always)]
            unsafe fn load_part<S: Simd>(s: S, p: *const Self, m: Self::M<S>) -> Self::V<S> {
                // SAFETY: the caller's promise: the lanes of the mask are readable.
                unsafe { s.$load(m, p) }
            }
            #[inline(always)]
            unsafe fn store_part<S: Simd>(s: S, p: *mut Self, v: Self::V<S>, m: Self::M<S>) {
                // SAFETY: the caller's promise: the lanes of the mask are writable.
                unsafe { s.$store(m, p, v) }
            }
        }
    };
}

real!(
    f32,
    f32s,
    m32s,
    mask_between_m32s,
    u32,
    splat_f32s,
    add_f32s,
    sub_f32s,
    mul_f32s,
    div_f32s,
    mul_add_e_f32s,
    max_f32s,
    sqrt_f32s,
    greater_than_f32s,
    equal_f32s,
    select_f32s,
    mask_load_ptr_f32s,
    mask_store_ptr_f32s
);
real!(
    f64,
    f64s,
    m64s,
    mask_between_m64s,
    u64,
    splat_f64s,
    add_f64s,
    sub_f64s,
    mul_f64s,
    div_f64s,
    mul_add_e_f64s,
    max_f64s,
    sqrt_f64s,
    greater_than_f64s,
    equal_f64s,
    select_f64s,
    mask_load_ptr_f64s,
    mask_store_ptr_f64s
);

thread_local! {
    /// The widest instruction set that this thread may use: see [`limited`].
    static LIMIT: Cell<Option<Cap>> = const { Cell::new(None) };
}

/// The widest that any thread may use: see [`cap`]. A place in [`Cap::ALL`], or [`UNCAPPED`].
static CAP: AtomicUsize = AtomicUsize::new(UNCAPPED);
const UNCAPPED: usize = usize::MAX;

/// A set of instructions that kernels can be held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cap {
    /// One number at a time.
    Scalar,
    /// 128 bits, on ARM.
    Neon,
    /// 256 bits with fused multiply-add, on x86-64.
    Avx2,
    /// 512 bits, on x86-64.
    Avx512,
}

impl Cap {
    /// All of them, the narrowest first.
    pub const ALL: [Cap; 4] = [Cap::Scalar, Cap::Neon, Cap::Avx2, Cap::Avx512];

    /// As it is typed: `scalar`, `neon`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Cap::Scalar => "scalar",
            Cap::Neon => "neon",
            Cap::Avx2 => "avx2",
            Cap::Avx512 => "avx512",
        }
    }

    /// As [`instruction_set`] says it.
    fn told(self) -> &'static str {
        match self {
            Cap::Scalar => "scalar",
            Cap::Neon => "neon",
            Cap::Avx2 => "avx2+fma",
            Cap::Avx512 => "avx512f",
        }
    }

    /// Those that this machine has, the narrowest first.
    pub fn here() -> impl Iterator<Item = Cap> {
        let widest = told_by(|lanes| Arch::new().dispatch(lanes));
        Cap::ALL.into_iter().filter(move |set| match set {
            Cap::Scalar => true,
            Cap::Neon => widest == "neon",
            #[cfg(target_arch = "x86_64")]
            Cap::Avx2 => pulp::x86::V3::try_new().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Cap::Avx2 => false,
            Cap::Avx512 => widest == "avx512f",
        })
    }
}

/// Holds every thread of this process to `set`, or to nothing. A set that the machine lacks changes nothing: ask
/// [`Cap::here`] first. Call it before anything is computed.
pub fn cap(set: Option<Cap>) {
    let place = set.and_then(|set| Cap::ALL.iter().position(|other| *other == set));
    CAP.store(place.unwrap_or(UNCAPPED), Ordering::Relaxed);
}

/// Runs a kernel with the widest registers that it may use.
#[inline]
pub(crate) fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    let capped = Cap::ALL.get(CAP.load(Ordering::Relaxed)).copied();
    let limit = match (LIMIT.get(), capped) {
        (Some(own), Some(all)) => Some(own.min(all)),
        (own, all) => own.or(all),
    };
    match limit {
        #[cfg(target_arch = "x86_64")]
        Some(Cap::Avx2) if let Some(simd) = pulp::x86::V3::try_new() => Simd::vectorize(simd, op),
        Some(Cap::Scalar) => Simd::vectorize(pulp::Scalar, op),
        _ => Arch::new().dispatch(op),
    }
}

/// Runs `f` as on a machine that has no more than `set` (a name as [`instruction_set`] gives it), on this thread: to
/// measure and to test the narrower kernels. A name that means nothing here sets no limit.
pub fn limited<R>(set: &str, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Cap>);
    impl Drop for Restore {
        fn drop(&mut self) {
            LIMIT.set(self.0);
        }
    }
    let limit = Cap::here().find(|known| known.told() == set);
    let _restore = Restore(LIMIT.replace(limit));
    f()
}

/// The instruction set that the kernels use on this machine: `avx512f`, `avx2+fma`, `neon` or `scalar`.
///
/// All but `scalar` round alike: that one has no fused multiply-add. A run records its set.
pub fn instruction_set() -> &'static str {
    told_by(dispatch)
}

/// Lanes of a register, and whether there are registers at all.
struct Lanes;

impl WithSimd for Lanes {
    type Output = (bool, usize);
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        (S::IS_SCALAR, S::F32_LANES)
    }
}

fn told_by(dispatch: impl FnOnce(Lanes) -> (bool, usize)) -> &'static str {
    match dispatch(Lanes) {
        (true, _) => Cap::Scalar.told(),
        (_, 16) => Cap::Avx512.told(),
        (_, 8) => Cap::Avx2.told(),
        (_, 4) if cfg!(target_arch = "aarch64") => Cap::Neon.told(),
        _ => Cap::Scalar.told(),
    }
}
