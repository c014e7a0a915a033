//! Instruction sets with fused multiply-add give the same bits: a lane is a channel and no sum crosses lanes, so that the
//! width and the number of registers decide which channels are worked on together, never the order of a sum.

#[path = "shared/networks.rs"]
mod networks;
#[path = "shared/sets.rs"]
mod sets;

use std::io::Write;

use harness_kernels::*;
use networks::{blocks, noise};
use sets::told;

/// Everything that training, evaluation, a loss on features and a product with the Hessian give, as bits.
fn numbers(net: &Network, batch: usize) -> Vec<(&'static str, Vec<u32>)> {
    let mut params: Vec<f32> = Vec::new();
    for (i, spec) in net.layout().iter().enumerate() {
        match spec.name.ends_with("gamma") {
            true => params.extend(vec![1.0; spec.len]),
            false => params.extend(noise(spec.len, 0.2, i as u64 + 1)),
        }
    }
    let x = noise(batch * net.input_len(), 1.0, 7);
    // Squared errors: the exponentials of cross-entropy are the system library's.
    let values = noise(batch * net.outputs(), 1.0, 6);
    let (mut grad, mut m, mut v) = (vec![0.0; params.len()], vec![0.0; params.len()], vec![0.0; params.len()]);
    let mut ws = Workspace::default();
    let cfg = AdamConfig { lr: 1e-3, beta1: 0.5, beta2: 0.999, eps: 1e-8 };
    let mut losses = Vec::new();
    for t in 1..=3 {
        let loss = net.loss_grad(&params, &x, Target::Values(&values), Reduction::Mean, &mut ws, &mut grad);
        losses.push(loss as f32);
        adam_step(&mut params, &grad, Some(&mut m), &mut v, t, &cfg);
    }
    sgd_step(&mut params, &grad, 0.01);
    let mut out = vec![0.0; batch * net.outputs()];
    net.forward(&params, &x, batch, NormMode::Batch, &mut ws, &mut out);
    let mut stats = vec![0.0; net.stats_len()];
    net.batch_stats(&ws, &mut stats);
    let (queries, mut each) = (noise(3 * net.input_len(), 1.0, 8), vec![0.0; 3 * net.outputs()]);
    net.forward_each_with_support(&params, &x, batch, &queries, 3, &mut ws, &mut each);
    let pass = net.features(params.clone(), x.clone(), None, ws);
    let features = pass.features().to_vec();
    let mut below = vec![0.0; params.len()];
    pass.back(&noise(features.len(), 0.1, 9), &mut below);
    let (space, mut product) = (CurvatureSpace::default(), vec![0.0; params.len()]);
    let (_, mut curvature) = net.curvature(&params, &x, Target::Values(&values), Reduction::Mean, space, &mut grad);
    curvature.times(&noise(params.len(), 0.1, 10), &mut product);
    let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect();
    vec![
        ("losses", bits(&losses)),
        ("gradient", bits(&grad)),
        ("first moments", bits(&m)),
        ("second moments", bits(&v)),
        ("parameters", bits(&params)),
        ("outputs", bits(&out)),
        ("statistics", bits(&stats)),
        ("queries one by one", bits(&each)),
        ("features", bits(&features)),
        ("gradient from features", bits(&below)),
        ("product with the Hessian", bits(&product)),
    ]
}

/// FNV-1a of the numbers' bits.
fn digest(numbers: &[(&str, Vec<u32>)]) -> u64 {
    let bytes = numbers.iter().flat_map(|(_, bits)| bits).flat_map(|bits| bits.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn every_machine_gives_the_same_bits() {
    // The digests were made on a machine with AVX2 and are those of every other one. Whoever changes the order of a sum
    // writes what the test prints, and knows that trainings under way cannot go on with the new kernels.
    let networks = [
        ("Omniglot", vec![28, 28, 1], blocks(4, 64, 2, None, 1e-3), 7, 0x06c8_f577_78d1_ed60),
        ("mini-ImageNet", vec![84, 84, 3], blocks(4, 32, 1, Some(Padding::Same), 1e-3), 3, 0x30d6_7dd5_15cf_96a5),
        ("ProtoNet's", vec![32, 32, 3], blocks(4, 64, 1, Some(Padding::Valid), 1e-5), 5, 0xc713_5d40_4d93_2f8f),
        (
            "odd sides and filters",
            vec![19, 17, 2],
            blocks(2, 37, 1, Some(Padding::Same), 1e-3),
            6,
            0x2116_47b6_2cb0_698c,
        ),
        ("few filters", vec![13, 13, 1], blocks(2, 5, 2, None, 1e-3), 9, 0x69aa_d71a_ae4d_ec82),
    ];
    // Plain arithmetic rounds a product before it is added.
    let sets: Vec<&str> = Cap::here().filter(|set| *set != Cap::Scalar).map(told).collect();
    if sets.is_empty() {
        // Straight to the terminal: what a passing test prints is kept from it.
        let _ = writeln!(std::io::stderr(), "SKIPPED a test: this machine has no fused multiply-add");
    }
    let mut changed = Vec::new();
    for (name, input, layers, batch, pinned) in networks {
        let net = Network::new(&input, layers).unwrap();
        let all: Vec<_> = sets.iter().map(|set| (set, limited(set, || numbers(&net, batch)))).collect();
        for pair in all.windows(2) {
            let [(one, there), (other, here)] = pair else { continue };
            for ((what, there), (_, here)) in there.iter().zip(here) {
                let apart = there.iter().zip(here).filter(|(a, b)| a != b).count();
                assert_eq!(apart, 0, "{name}, {what}: numbers of {} that differ, {one} and {other}", here.len());
            }
        }
        if let Some((set, numbers)) = all.first()
            && digest(numbers) != pinned
        {
            changed.push(format!("{name} with {set}: {:#018x}", digest(numbers)));
        }
    }
    assert!(changed.is_empty(), "other bits than pinned:\n{}", changed.join("\n"));
}
