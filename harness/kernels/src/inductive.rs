//! Many forward passes that share a support set.
//!
//! In the inductive protocol each query is normalised as one batch with the whole support set and sees no other query.
//! Done plainly, that is a forward pass of the support set for each query. Three things need not be done again: the
//! first layer of the support set and its sums, which no query touches; what follows the last norm, which matters for
//! the query alone; and one by one the first layer of the queries. The results have the bits of the plain way.

use crate::forward::NormMode;
use crate::network::Network;
use crate::norm;
use crate::plan::Stage;
use crate::simd::Real;
use crate::workspace::Workspace;

/// Queries whose first layer is computed together.
const GROUP: usize = 6;

impl Network {
    /// Outputs `[n_queries, outputs]`, where query i is normalised together with the support set `[n_support, input_len]`
    /// and with no other query.
    ///
    /// # Panics
    /// If a slice has another length.
    #[allow(clippy::too_many_arguments)]
    pub fn forward_each_with_support(
        &self,
        params: &[f32],
        support: &[f32],
        n_support: usize,
        queries: &[f32],
        n_queries: usize,
        ws: &mut Workspace,
        out: &mut [f32],
    ) {
        self.each_with_support(params, support, n_support, queries, n_queries, ws, out);
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn each_with_support<T: Real>(
        &self,
        params: &[T],
        support: &[T],
        n_support: usize,
        queries: &[T],
        n_queries: usize,
        ws: &mut Workspace<T>,
        out: &mut [T],
    ) {
        assert_eq!(params.len(), self.param_len(), "length of the parameters");
        assert_eq!(support.len(), n_support * self.input_len(), "length of the support set");
        assert_eq!(queries.len(), n_queries * self.input_len(), "length of the queries");
        assert_eq!(out.len(), n_queries * self.outputs(), "length of the outputs");
        let stages = &self.plan.stages;
        let Some(last_norm) = stages.iter().rposition(|s| s.norm().is_some()) else {
            // Nothing ties a query to its support set.
            ws.fit(&self.plan, n_queries, false);
            out.copy_from_slice(self.run(&self.plan, params, queries, n_queries, NormMode::Batch, ws));
            return;
        };
        let batch = n_support + 1;
        ws.fit(&self.plan, batch, false);

        // The support set's part of the first stage, or its very inputs when that has a norm.
        let first = Some(&stages[0]).filter(|stage| stage.norm().is_none());
        let base = usize::from(first.is_some());
        let len = if base == 1 { self.plan.lens[0] } else { self.input_len() };
        ws.shared.fit((batch + GROUP) * len);
        let (own, group) = ws.shared.split_at_mut(batch * len);
        let own_support = &mut own[..n_support * len];
        match first {
            Some(stage) => stage.forward(params, n_support, support, own_support),
            None => own_support.copy_from_slice(support),
        }
        ws.shared_stats.fit(self.plan.stats_len);
        if let Some(n) = stages[base].norm() {
            n.clear(&mut ws.shared_stats);
            ws.shared_winners.fit(n_support * n.winners_len());
            stages[base].merge(params, own_support, n_support, 0, &mut ws.shared_stats, &mut ws.shared_winners);
        }

        let Workspace { buffers, winners, stats, scales, shared_winners, shared_stats, .. } = ws;
        let (inputs, outputs) = (self.input_len(), self.outputs());
        for start in (0..n_queries).step_by(GROUP) {
            let count = GROUP.min(n_queries - start);
            let queries = &queries[start * inputs..(start + count) * inputs];
            match first {
                Some(stage) => stage.forward(params, count, queries, &mut group[..count * len]),
                None => group[..count * len].copy_from_slice(queries),
            }
            for q in 0..count {
                own[n_support * len..].copy_from_slice(&group[q * len..(q + 1) * len]);
                for i in base..stages.len() {
                    // Up to the last norm the whole batch, then the query alone.
                    let images = if i <= last_norm { batch } else { 1 };
                    let (before, rest) = buffers.split_at_mut(i);
                    let input: &[T] = if i == base { own } else { &before[i - 1] };
                    let input = &input[..images * (input.len() / batch)];
                    let y = &mut *rest[0];
                    let stage = &stages[i];
                    let Some(n) = stage.norm() else {
                        stage.forward(params, images, input, &mut y[..images * self.plan.lens[i]]);
                        continue;
                    };
                    let winners = &mut winners[i];
                    if i == base {
                        winners[..shared_winners.len()].copy_from_slice(shared_winners);
                        let own = &mut winners[shared_winners.len()..];
                        stage.measure_more(params, &input[n_support * len..], n_support, shared_stats, stats, own);
                    } else {
                        stage.measure(params, input, batch, stats, winners);
                    }
                    n.scale(params, stats, scales);
                    let affine = n.affine(params, stats, scales);
                    let input: &[T] = if n.pool.is_some() { winners } else { input };
                    let images = if i == last_norm { 1 } else { batch };
                    let per = input.len() / batch;
                    let input = &input[(batch - images) * per..];
                    norm::forward(affine, n.relu, input, &mut y[..images * self.plan.lens[i]]);
                }
                let y = &buffers[stages.len() - 1][..outputs];
                out[(start + q) * outputs..][..outputs].copy_from_slice(y);
            }
        }
    }
}

impl Stage {
    /// Statistics of the support set, whose sums are in `shared`, and one more image; the image's winners.
    fn measure_more<T: Real>(
        &self,
        params: &[T],
        image: &[T],
        n_support: usize,
        shared: &[T],
        stats: &mut [T],
        winners: &mut [T],
    ) {
        let Some(n) = self.norm() else { unreachable!("a norm") };
        let own = n.mean.start..n.var.end;
        stats[own.clone()].copy_from_slice(&shared[own]);
        self.merge(params, image, 1, n_support, stats, winners);
        n.finish(n_support + 1, stats);
    }
}
