//! What is on disk already, said before anything is spent.

use std::fmt;

use harness_core::Result;

use crate::runner::{Job, Standing, standing};

/// How every run of one call stands.
pub struct Survey {
    /// In the order of the jobs.
    pub standings: Vec<Standing>,
}

impl Survey {
    /// Looks at every run's folder. Errors on the first one that was made by another config, from other data or by a
    /// newer build, so that no other run starts before the user has decided.
    pub fn new(jobs: &[Job], fresh: bool) -> Result<Survey> {
        let look = |job| if fresh { Ok(Standing::New) } else { standing(job) };
        Ok(Survey { standings: jobs.iter().map(look).collect::<Result<_>>()? })
    }
}

impl fmt::Display for Survey {
    /// `5 runs: 2 complete, 1 to resume, 2 new`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: fn(&Standing) -> bool| self.standings.iter().filter(|standing| wanted(standing)).count();
        let runs = self.standings.len();
        write!(
            f,
            "{runs} run{}: {} complete, {} to resume, {} new",
            if runs == 1 { "" } else { "s" },
            count(|standing| *standing == Standing::Complete),
            count(|standing| matches!(standing, Standing::Resumable(_))),
            count(|standing| *standing == Standing::New),
        )?;
        for (number, what) in [
            (count(|standing| *standing == Standing::Trained), "to evaluate again"),
            (count(|standing| matches!(standing, Standing::Foreign | Standing::Unproved(_))), "of other builds"),
        ] {
            if number > 0 {
                write!(f, ", {number} {what}")?;
            }
        }
        Ok(())
    }
}

/// The standing in a list of runs.
pub fn word(standing: Standing) -> String {
    match standing {
        Standing::New => "new".to_owned(),
        Standing::Resumable(step) => format!("resumes at step {step}"),
        Standing::Complete => "complete".to_owned(),
        Standing::Trained => "trained, to evaluate again".to_owned(),
        Standing::Foreign => "complete, made by another build".to_owned(),
        Standing::Unproved(step) => format!("stopped at step {step} under another build"),
    }
}

/// The share of a run's training that is left, about; `elsewhere` steps of it are in another run's folder.
pub fn left(job: &Job, standing: Standing, elsewhere: u64) -> f64 {
    let done = match standing {
        Standing::New => elsewhere,
        Standing::Foreign => 0,
        Standing::Complete | Standing::Trained => job.meta_iters,
        Standing::Resumable(step) | Standing::Unproved(step) => step.max(elsewhere),
    };
    1.0 - done as f64 / job.meta_iters.max(1) as f64
}

/// The share of a run's evaluation that is left, about: its learning curve grows with the training.
pub fn left_to_measure(job: &Job, standing: Standing) -> f64 {
    match standing {
        Standing::Complete => 0.0,
        Standing::Trained => 1.0,
        other => left(job, other, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_survey_counts() {
        let standings = vec![Standing::Complete, Standing::New, Standing::Resumable(7), Standing::New];
        assert_eq!(Survey { standings }.to_string(), "4 runs: 1 complete, 1 to resume, 2 new");
        assert_eq!(Survey { standings: vec![Standing::New] }.to_string(), "1 run: 0 complete, 0 to resume, 1 new");
        let standings = vec![Standing::Foreign, Standing::Unproved(3), Standing::Trained];
        let text = "3 runs: 0 complete, 0 to resume, 0 new, 1 to evaluate again, 2 of other builds";
        assert_eq!(Survey { standings }.to_string(), text);
        assert_eq!(word(Standing::Resumable(7)), "resumes at step 7");
    }
}
