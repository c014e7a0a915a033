use candle_core::{DType, Device};

use super::*;
use crate::algorithm::Entry;
use crate::config::parse_config;
use crate::episode::one_hot;

/// Answers by a ridge regression on the support set, solved in closed form, times a scale that is learned (as Bertinetto et al.
/// 2019, arXiv 1805.08136): W = Xᵀ(XXᵀ + I)⁻¹Y.
fn ridge(episode: &Embedded<'_>) -> Result<Tensor> {
    let (x, n) = (&episode.support, episode.classes.len());
    let kernel = (x.matmul(&x.t()?)? + Tensor::eye(n, x.dtype(), x.device())?)?;
    // A step of Newton's from the solution itself: it stays where it is, and has the solution's derivatives.
    let inverse = inverse(&kernel)?;
    let hot = one_hot(episode.classes, episode.ways(), x.dtype(), x.device())?;
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

/// A query at (1, 0), support images (1, 0), (0, 2) of class 0 and (3, 4) of class 1: cosines 1, 0 and 0.6, whatever the lengths.
/// Scaled by 2 the attention is exp(2), 1 and exp(1.2) over their sum.
#[test]
fn attention_sums_over_the_images_of_a_class() {
    let support = Tensor::new(&[[1f32, 0.0], [3.0, 4.0], [0.0, 2.0]], &Device::Cpu).unwrap();
    let query = Tensor::new(&[[5f32, 0.0]], &Device::Cpu).unwrap();
    let logits = attention(&query, &support, &[0, 1, 0], 2.0).unwrap();
    let got = candle_nn::ops::softmax(&logits, D::Minus1).unwrap().to_vec2::<f32>().unwrap();
    let (own, other) = (2f32.exp() + 1.0, 1.2f32.exp());
    assert!(
        (got[0][0] - own / (own + other)).abs() < 1e-5 && (got[0][1] - other / (own + other)).abs() < 1e-5,
        "{got:?}"
    );
}

/// A scale at which exp of a difference is 0 in f32: the loss stays finite, and so does its gradient.
#[test]
fn attention_survives_a_large_scale() {
    let vars = Params::from_iter([("x".to_owned(), Tensor::new(&[[1f32, 0.0], [-1.0, 0.01]], &Device::Cpu).unwrap())]);
    let vars = vars.to_vars().unwrap();
    let query = Tensor::new(&[[-1f32, 0.0]], &Device::Cpu).unwrap();
    let logits = attention(&query, vars.get("x").unwrap(), &[0, 1], 100.0).unwrap();
    let loss = loss::loss(&logits, &crate::episode::Targets::Classes(vec![0]), Reduction::Mean).unwrap();
    let (value, grads) = loss::gradient(&loss, &vars).unwrap();
    assert!((value - 200.0).abs() < 0.1, "{value}");
    assert_eq!(grads.not_finite().unwrap(), None);
}

fn varying(settings: &str, most: usize) -> Result<Embedding> {
    let context = crate::conformance::Toy::new().context();
    Embedding::new(parse_config(&settings.parse().unwrap())?, &context, ridge)?.with_shots_up_to(most)
}

/// An episode of 4 ways, 1 shot and 3 queries a class has 1 to 3 shots, all of them in a hundred draws, and 16 images always.
#[test]
fn shots_vary_from_episode_to_episode() {
    let method = varying("train_ways = 4\ntrain_shots = 1\ntrain_queries = 3", 3).unwrap();
    let x =
        |rows: std::ops::Range<u32>| Tensor::from_iter(rows.map(|x| x as f32), &Device::Cpu).unwrap().reshape(((), 1));
    let labeled = |rows: std::ops::Range<u32>| {
        let classes = rows.clone().map(|row| row % 4).collect();
        Labeled::new(x(rows).unwrap(), crate::episode::Targets::Classes(classes)).unwrap()
    };
    let task = Task { support: labeled(0..4), query: labeled(4..16) };
    let mut found = [0; 4];
    for index in 0..100 {
        let mut rng = Stream::new(0, crate::rng::Purpose::TrainMethod, 0, index);
        let drawn = method.with_shots_drawn(&task, &mut rng).unwrap().unwrap();
        let shots = drawn.support.len() / 4;
        found[shots] += 1;
        let mut images = Vec::new();
        for part in [&drawn.support, &drawn.query] {
            let values = part.x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert!(values.iter().zip(part.classes().unwrap()).all(|(x, class)| *x as u32 % 4 == *class));
            images.extend(values.iter().map(|x| *x as u32));
        }
        for class in 0..4 {
            assert_eq!(drawn.support.classes().unwrap().iter().filter(|own| **own == class).count(), shots);
        }
        images.sort();
        assert_eq!(images, (0..16).collect::<Vec<_>>(), "no image twice, none lost");
    }
    assert!(found[0] == 0 && found[1..].iter().all(|times| *times > 15), "{found:?}");
}

#[test]
fn shots_that_leave_no_query_are_refused() {
    let error = |most| varying("train_shots = 2\ntrain_queries = 3", most).err().unwrap().to_string();
    for most in [1, 5] {
        let wanted = format!("up to {most} support images a class");
        assert!(error(most).contains(&wanted) && error(most).contains("2 to 4"), "{}", error(most));
    }
}
