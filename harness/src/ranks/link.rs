//! What the ranks' layer asks of a transport, and nothing else.

/// Messages between the ranks of one job. Between two ranks they arrive in the order in which they were sent.
pub trait Link: Send + Sync {
    /// This process, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn ranks(&self) -> usize;

    /// Sends `mine` to each rank of `to` and waits for one message from each rank of `from`; the answer is in the order of
    /// `from`. Errors with a rank that went away, after which the link is of no use.
    fn exchange(&self, to: &[usize], mine: Vec<u8>, from: &[usize]) -> Result<Vec<Vec<u8>>, Lost>;

    /// Called once at the end on every rank, when nothing is under way.
    fn close(&self) {}
}

/// A rank that went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub rank: usize,
}
