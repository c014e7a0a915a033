use candle_core::{DType, Device};

use super::*;
use crate::algorithm::Entry;
use crate::config::parse_config;

/// Answers by a ridge regression on the support set, solved in closed form, times a scale that is learned (as Bertinetto et al.
/// 2019, arXiv 1805.08136): W = Xᵀ(XXᵀ + I)⁻¹Y.
fn ridge(episode: &Embedded<'_>) -> Result<Tensor> {
    let (x, n) = (&episode.support, episode.classes.len());
    let kernel = (x.matmul(&x.t()?)? + Tensor::eye(n, x.dtype(), x.device())?)?;
    // A step of Newton's from the solution itself: it stays where it is, and has the solution's derivatives.
    let inverse = inverse(&kernel)?;
    let hot = Tensor::from_iter(
        episode
            .classes
            .iter()
            .flat_map(|class| (0..episode.ways() as u32).map(move |way| f32::from(u8::from(way == *class)))),
        x.device(),
    )?;
    let hot = hot.reshape((n, episode.ways()))?;
    let solved = inverse.matmul(&hot)?;
    let solved = (&solved + inverse.matmul(&(hot - kernel.matmul(&solved)?)?)?)?;
    Ok(episode.query.matmul(&x.t()?.matmul(&solved)?)?.broadcast_mul(episode.head.get("head.scale")?)?)
}

/// By Gauss and Jordan, without history; symmetric and positive definite.
fn inverse(kernel: &Tensor) -> Result<Tensor> {
    let mut a: Vec<Vec<f64>> = kernel.detach().to_dtype(DType::F64)?.to_vec2()?;
    let n = a.len();
    a.iter_mut().enumerate().for_each(|(i, row)| row.extend((0..n).map(|j| f64::from(u8::from(i == j)))));
    for i in 0..n {
        let pivot: Vec<f64> = a[i].iter().map(|x| x / a[i][i]).collect();
        for (_, row) in a.iter_mut().enumerate().filter(|(j, _)| *j != i) {
            let factor = row[i];
            row.iter_mut().zip(&pivot).for_each(|(x, p)| *x -= factor * p);
        }
        a[i] = pivot;
    }
    let flat: Vec<f64> = a.iter().flat_map(|row| row[n..].to_vec()).collect();
    Ok(Tensor::from_vec(flat, (n, n), kernel.device())?.to_dtype(kernel.dtype())?)
}

/// A member with a head of its own, which training moves.
#[test]
fn a_learned_head_conforms() {
    let entry = Entry {
        name: "ridge",
        summary: "",
        paper: "",
        build: |table, context| {
            let scale = Tensor::full(1f32, 1, &context.device)?;
            let head = Params::from_iter([("head.scale".to_owned(), scale)]);
            Ok(Box::new(Embedding::new(parse_config(table)?, context, ridge)?.with_head(head)))
        },
        toy: "train_ways = 10\ntrain_shots = 2\ntrain_queries = 3\nlr = 0.01",
        settings: &[],
        readme: "",
        code: "",
    };
    crate::conformance::check(&entry);
    let toy = crate::conformance::Toy::new();
    let method = (entry.build)(&entry.toy.parse().unwrap(), &toy.context()).unwrap();
    let mut rng = Stream::new(0, crate::rng::Purpose::Init, 0, 0);
    let mut state = method.init(&mut rng).unwrap();
    crate::conformance::iterate(&toy, method.as_ref(), &mut state, 10).unwrap();
    let scale = state.params.get("head.scale").unwrap().to_vec1::<f32>().unwrap()[0];
    assert!((scale - 1.0).abs() > 0.005, "Adam's first step is as long as its rate: {scale}");
    assert!(!state.params.names().any(|name| name == "head.weight"), "the network's own head is no part of it");
}

#[test]
fn a_direction_is_as_long_as_one_and_nothing_stays_nothing() {
    let features = Tensor::new(&[[3f32, 4.0], [0.0, 0.0]], &Device::Cpu).unwrap();
    let rows = directions(&features).unwrap().to_vec2::<f32>().unwrap();
    assert!((rows[0][0] - 0.6).abs() < 1e-4 && (rows[0][1] - 0.8).abs() < 1e-4 && rows[1] == [0.0, 0.0], "{rows:?}");
}
