use candle_core::{DType, Device};
use harness_core::Purpose;
use harness_core::conformance::{Differences, Toy, check, check_with, iterate};

use super::*;

#[test]
fn conforms() {
    check(&ENTRY);
}

#[test]
fn batch_statistics_and_fixed_shots_conform() {
    let toy =
        "train_ways = 10\ntrain_shots = 1\ntrain_queries = 4\nnorm = \"batch\"\nlr = 0.01\nlambda = 1.0\nalpha = 10.0";
    check(&Entry { toy, ..ENTRY });
}

#[test]
fn a_kept_lambda_conforms_and_is_no_part_of_the_state() {
    check_with(&ENTRY, "learn_lambda = false");
    let has_lambda = |line: &str| {
        let table = format!("{}\n{line}", ENTRY.toy).parse().unwrap();
        let method = (ENTRY.build)(&table, &Toy::new().context()).unwrap();
        let state = method.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap();
        state.params.names().any(|name| name == LOG_LAMBDA)
    };
    assert!(has_lambda("") && !has_lambda("learn_lambda = false"));
}

fn matrix<const R: usize, const C: usize>(rows: [[f64; C]; R]) -> Tensor {
    Tensor::new(&rows, &Device::Cpu).unwrap()
}

/// Standard normal numbers, the same at every call of the tests.
pub(crate) fn normal(rng: &mut Stream, shape: (usize, usize)) -> Tensor {
    let numbers: Vec<f64> = (0..shape.0 * shape.1).map(|_| rng.normal()).collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

fn head(lambda: f64, alpha: f64, beta: f64) -> Params {
    let pairs = [(LOG_LAMBDA, lambda.ln()), (ALPHA, alpha), (BETA, beta)];
    pairs.map(|(name, value)| (name.to_owned(), Tensor::new(&[value], &Device::Cpu).unwrap())).into_iter().collect()
}

/// One feature, 1 for class 0 and −1 for class 1, with a column of ones: [X 1]ᵀ[X 1] = 2I and nλ = 2, so that
/// W = ([X 1]ᵀY)/4 = [[1, −1], [1, 1]]/4. The query 3 has [3 1]W = (1, −½); α = 2 and β = ½ make it (2½, −½).
#[test]
fn the_ridge_regression_by_hand() {
    let head = head(1.0, 2.0, 0.5);
    let support = matrix([[1.0], [-1.0]]);
    let episode = Embedded { support, classes: &[0, 1], query: matrix([[3.0]]), head: &head };
    let got = ridge(&episode, 7.0).unwrap().to_vec2::<f64>().unwrap();
    assert!((got[0][0] - 2.5).abs() < 1e-12 && (got[0][1] + 0.5).abs() < 1e-12, "{got:?}");

    // The same where λ is not the head's.
    let others = head.iter().filter(|(name, _)| *name != LOG_LAMBDA);
    let head: Params = others.map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect();
    let kept = ridge(&Embedded { head: &head, ..episode }, 1.0).unwrap().to_vec2::<f64>().unwrap();
    assert_eq!(kept, got);
}

/// As the code has it: features and labels over √n, the system of the features' own size, a column of ones, λ.
#[test]
fn the_small_system_answers_as_the_large_one() {
    let (lambda, n, ways) = (0.3, 6, 3);
    let mut rng = Stream::new(0, Purpose::Data, 0, 0);
    let (x, query) = (normal(&mut rng, (n, 2)), normal(&mut rng, (4, 2)));
    let classes = [0, 1, 2, 2, 1, 0];
    let head = head(lambda, 1.0, 0.0);
    let episode = Embedded { support: x.clone(), classes: &classes, query: query.clone(), head: &head };
    let ours = ridge(&episode, 7.0).unwrap();

    let ones = |x: &Tensor| {
        let one = Tensor::ones((x.dim(0).unwrap(), 1), DType::F64, &Device::Cpu).unwrap();
        Tensor::cat(&[x, &one], 1).unwrap()
    };
    let root = (n as f64).sqrt();
    let labels = one_hot(&classes, ways, DType::F64, &Device::Cpu).unwrap();
    let (scaled, hot) = ((ones(&x) / root).unwrap(), (labels / root).unwrap());
    let transposed = scaled.t().unwrap().contiguous().unwrap();
    let ridge = (Tensor::eye(3, DType::F64, &Device::Cpu).unwrap() * lambda).unwrap();
    let large = (transposed.matmul(&scaled).unwrap() + ridge).unwrap();
    let weights = solve(&large, &transposed.matmul(&hot).unwrap()).unwrap();
    let theirs = ones(&query).matmul(&weights).unwrap();
    let gap = (ours - theirs).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
    assert!(gap < 1e-12, "{gap} over {ways} classes");
}

/// Of an episode's loss, by the features of support set and queries, by ln λ and by α, against central differences. β adds the same to
/// every class, which the loss does not see.
#[test]
fn the_gradient_goes_through_the_solution() {
    let classes = [0, 1, 1, 0, 2];
    let mut rng = Stream::new(1, Purpose::Data, 0, 0);
    let start: Params = head(0.2, 3.0, 0.0).merged(&Params::from_iter([
        ("support".to_owned(), normal(&mut rng, (5, 4))),
        ("query".to_owned(), normal(&mut rng, (3, 4))),
    ]));
    let at = |params: &Params| {
        let vars = params.to_vars().unwrap();
        let part = |name| vars.get(name).unwrap().clone();
        let episode = Embedded { support: part("support"), classes: &classes, query: part("query"), head: &vars };
        let value =
            loss::loss(&ridge(&episode, 7.0).unwrap(), &Targets::Classes(vec![0, 1, 2]), Reduction::Mean).unwrap();
        loss::gradient(&value, &vars).unwrap()
    };
    let (_, grads) = at(&start);
    for (name, tensor) in start.iter() {
        let one = Params::from_iter([(name.to_owned(), tensor.clone())]);
        let wanted = Differences::new(&one, usize::MAX, |one| at(&start.merged(one)).0);
        assert!(wanted.gap(&grads) < 1e-8, "{name}: {}", wanted.gap(&grads));
        let largest = wanted.largest();
        assert_eq!(largest > 1e-4, name != BETA, "{name}: {largest}");
    }
}

/// λ and α are learned beside the features, and are where the settings say at the start.
#[test]
fn lambda_and_alpha_are_learned() {
    let toy = Toy::new();
    let method = (ENTRY.build)(&ENTRY.toy.parse().unwrap(), &toy.context()).unwrap();
    let mut state = method.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap();
    let read = |state: &State, name| f64::from(state.params.get(name).unwrap().to_vec1::<f32>().unwrap()[0]);
    assert_eq!((read(&state, LOG_LAMBDA), read(&state, ALPHA), read(&state, BETA)), (0.0, 10.0, 0.0));
    for _ in 0..5 {
        iterate(&toy, method.as_ref(), &mut state, 5).unwrap();
    }
    for (name, start) in [(LOG_LAMBDA, 0.0), (ALPHA, 10.0)] {
        assert!((read(&state, name) - start).abs() > 0.005, "Adam's first step is as long as its rate: {name}");
    }
}

#[test]
fn what_cannot_be_meant_is_named() {
    let context = Toy::new().context();
    let error = |text: &str| build(&text.parse().unwrap(), &context).err().unwrap().to_string();
    assert!(error("lambda = 0.0").starts_with("lambda = 0: it must be above 0"));
    assert!(error("train_shots = 1\ntrain_queries = 5\nmax_shots = 6").contains("up to 6 support images"));
}
