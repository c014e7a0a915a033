//! Inner steps on candle's graph: any device, any type, candle's own operations on request.

use super::{InnerLoop, Pool};
use crate::error::Result;
use crate::loss::{gradient, loss};
use crate::model::Model;
use crate::optimizer::Moments;
use crate::params::Params;

pub(super) struct Tape<'m> {
    model: &'m Model,
    params: Params,
    /// Where it started, if something pulls it back there.
    start: Option<Params>,
    first: Option<Params>,
    second: Option<Params>,
    /// Of the last step's mini-batch.
    stats: Params,
}

impl<'m> Tape<'m> {
    pub(super) fn new(model: &'m Model, params: &Params, loop_: &InnerLoop, moments: &Moments) -> Result<Self> {
        let slot = |wanted: bool, stored: &Option<Params>| match (wanted, stored) {
            (false, _) => Ok(None),
            (true, None) => params.zeros_like().map(Some),
            (true, Some(slot)) => Ok(Some(slot.clone())),
        };
        let first = slot(loop_.optimizer.keeps_first(), &moments.first)?;
        let second = slot(loop_.optimizer.keeps_second(), &moments.second)?;
        let params = params.detach();
        let start = (loop_.prox != 0.0).then(|| params.clone());
        Ok(Tape { model, params, start, first, second, stats: Params::new() })
    }

    pub(super) fn step(&mut self, pool: &Pool, rows: &[usize], loop_: &InnerLoop, t: u64) -> Result<f64> {
        let batch = pool.labeled.select(rows)?;
        let vars = self.params.to_vars()?;
        let (logits, stats) = self.model.logits_and_stats(&vars, &batch.x, &loop_.norm)?;
        let value = loss(&logits, &batch.y, loop_.reduction)?;
        self.stats = stats;
        let trained = vars.filter(|name| loop_.trains.holds(name));
        let (value, mut grads) = gradient(&value, &trained)?;
        if let Some(start) = &self.start {
            grads = grads.zip(&trained.detach().zip(start, |w, w0| w - w0)?, |g, away| g + (away * loop_.prox)?)?;
        }
        let moments = Moments { first: self.first.take(), second: self.second.take(), steps: t - 1 };
        let (next, moments) = loop_.optimizer.apply(&trained.detach(), &grads, &moments)?;
        self.params = self.params.merged(&next);
        (self.first, self.second) = (moments.first, moments.second);
        Ok(value)
    }

    pub(super) fn stats(&self) -> Params {
        self.stats.clone()
    }

    pub(super) fn params(&self) -> Params {
        self.params.clone()
    }

    pub(super) fn moments(&self, steps: u64) -> Moments {
        Moments { first: self.first.clone(), second: self.second.clone(), steps }
    }
}
