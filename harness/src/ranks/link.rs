//! What the ranks' layer asks of a transport, and nothing else.

/// Messages between the ranks of one job. Between two ranks they arrive in the order in which they were sent.
pub trait Link: Send + Sync {
    /// This process, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn ranks(&self) -> usize;

    /// Sends `bytes` to each rank of `to`, and returns before they are there.
    fn send(&self, to: &[usize], bytes: Vec<u8>) -> Result<(), Lost>;

    /// The next message from this rank; waits for it. Errors with a rank that went away, this one or another, after
    /// which the link is of no use.
    fn receive(&self, from: usize) -> Result<Vec<u8>, Lost>;

    /// The next message from this rank, if it is here. Whatever is on its way goes on.
    fn arrived(&self, from: usize) -> Result<Option<Vec<u8>>, Lost>;

    /// Everyone's words, in the order of the ranks; all must ask.
    fn gather(&self, mine: Vec<u8>) -> Result<Vec<Vec<u8>>, Lost> {
        let others: Vec<usize> = (0..self.ranks()).filter(|rank| *rank != self.rank()).collect();
        self.send(&others, mine.clone())?;
        let mut all = others.iter().map(|rank| self.receive(*rank)).collect::<Result<Vec<_>, Lost>>()?;
        all.insert(self.rank(), mine);
        Ok(all)
    }

    /// Called once at the end on every rank, when nothing is under way.
    fn close(&self) {}
}

/// A rank that went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub rank: usize,
}
