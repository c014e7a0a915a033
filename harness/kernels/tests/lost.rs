//! A value that left the real line is seen in the answers, whatever lies between.

#[path = "shared/networks.rs"]
mod networks;
#[path = "shared/sets.rs"]
mod sets;

use harness_kernels::*;
use networks::{blocks, noise};
use sets::told;

/// Otherwise a ReLU makes 0 of it, the head's bias answers for every image, and chance passes for a number.
#[test]
fn a_lost_weight_makes_every_answer_no_number() {
    let plain = ["first", "second"].map(|name| (name.to_owned(), Layer::Dense { outputs: 9 }));
    let [first, second] = plain;
    let relu = |i: usize| (format!("relu{i}"), Layer::Relu);
    let plain = vec![first, relu(1), second, relu(2), ("head".into(), Layer::Dense { outputs: 5 })];
    let networks = [
        ("strides", vec![28, 28, 1], blocks(4, 64, 2, None, 1e-3)),
        ("pools", vec![20, 20, 3], blocks(2, 32, 1, Some(Padding::Same), 1e-3)),
        ("few filters", vec![13, 13, 2], blocks(2, 5, 1, Some(Padding::Valid), 1e-5)),
        ("no norm", vec![3], plain),
    ];
    let batch = 4;
    for (name, input, layers) in networks {
        let net = Network::new(&input, layers).unwrap();
        for set in Cap::here().map(told) {
            let answers = |lost: Option<f32>| {
                let mut params = noise(net.param_len(), 0.2, 1);
                // Weights of the first layer.
                params[..9].iter_mut().for_each(|weight| *weight = lost.unwrap_or(*weight));
                let (x, mut out) = (noise(batch * net.input_len(), 1.0, 7), vec![0.0; batch * net.outputs()]);
                limited(set, || {
                    net.forward(&params, &x, batch, NormMode::Batch, &mut Workspace::default(), &mut out);
                });
                out
            };
            assert!(answers(None).iter().all(|answer| answer.is_finite()), "{name} with {set}");
            // Without a norm −∞ may be clipped to 0, as any negative number is.
            let lost: &[f32] = if name == "no norm" { &[f32::NAN] } else { &[f32::NAN, f32::INFINITY] };
            for lost in lost {
                assert!(answers(Some(*lost)).iter().all(|answer| !answer.is_finite()), "{name} with {set}: {lost}");
            }
        }
    }
}
