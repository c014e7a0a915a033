//! What other programs take of the machine while something is timed: beside them it takes longer than it should. Known on
//! Linux alone, and where this program may use all cores: which ones others take is not told.

use std::fmt;

/// Cores that may be taken before it is told: a desktop is never quite idle.
const UNTOLD: f64 = 0.25;

/// The time that all programs and this one have taken so far.
pub struct Watch(Option<Ticks>);

impl Watch {
    /// From now on.
    pub fn begin() -> Watch {
        Watch(Ticks::now())
    }

    /// What others have taken since, if this one could not have `threads` cores for itself.
    pub fn hindered(&self, threads: usize) -> Option<Others> {
        let others = self.0?.until(Ticks::now()?)?;
        let ours = std::thread::available_parallelism().ok()?.get();
        (ours == others.cores && others.hinder(threads)).then_some(others)
    }
}

/// Cores that other programs took on average, of so many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Others {
    taken: f64,
    cores: usize,
}

impl Others {
    fn hinder(self, threads: usize) -> bool {
        self.taken > UNTOLD + self.cores.saturating_sub(threads) as f64
    }
}

/// `other programs take 1.9 of 2 cores`.
impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "other programs take {:.1} of {} cores", self.taken, self.cores)
    }
}

/// The system's count, in its own ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ticks {
    cores: usize,
    /// Of all cores together, idle ones included.
    all: u64,
    busy: u64,
    /// Of this program and of programs that it started and that have ended.
    own: u64,
}

impl Ticks {
    fn now() -> Option<Ticks> {
        let read = |file: &str| std::fs::read_to_string(file).ok();
        Ticks::of(&read("/proc/stat")?, &read("/proc/self/stat")?)
    }

    /// Of the text of `/proc/stat` and `/proc/self/stat` (proc(5)).
    fn of(machine: &str, own: &str) -> Option<Ticks> {
        let lines = || machine.lines().filter(|line| line.starts_with("cpu"));
        // user nice system idle iowait irq softirq steal; what guests take stands in user and nice already.
        let fields: Vec<u64> =
            lines().next()?.split_whitespace().skip(1).take(8).map_while(|n| n.parse().ok()).collect();
        let idle = fields.get(3)? + fields.get(4)?;
        let all = fields.iter().sum();
        // A program's name may have spaces and brackets; behind it come the state, and as 12th to 15th its times.
        let times: Vec<u64> =
            own.rsplit_once(')')?.1.split_whitespace().skip(11).map_while(|n| n.parse().ok()).collect();
        let own = times.get(..4)?.iter().sum();
        Some(Ticks { cores: lines().count() - 1, all, busy: all - idle, own })
    }

    /// None where no time has passed.
    fn until(self, later: Ticks) -> Option<Others> {
        let [all, busy, own] =
            [later.all.checked_sub(self.all)?, later.busy.checked_sub(self.busy)?, later.own.checked_sub(self.own)?];
        let taken = busy.saturating_sub(own) as f64 * self.cores as f64 / all as f64;
        taken.is_finite().then_some(Others { taken, cores: self.cores })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(machine: [u64; 8], own: [u64; 4]) -> Ticks {
        let line = |name: &str| format!("{name} {} 0 0\n", machine.map(|n| n.to_string()).join(" "));
        let machine = format!("{}{}{}intr 5 0\n", line("cpu "), line("cpu0"), line("cpu1"));
        let own = own.map(|n| n.to_string()).join(" ");
        Ticks::of(&machine, &format!("77 (a (b) c) R 1 2 3 4 5 6 7 8 9 10 {own} 20 0\n")).unwrap()
    }

    /// 1,000 ticks of two cores: 600 busy, 150 of them ours, so 450 of others on 2 cores' 1,000 are 0.9 of a core.
    #[test]
    fn others_have_what_is_busy_and_not_ours() {
        let before = ticks([100, 10, 10, 500, 20, 1, 2, 3], [50, 10, 0, 0]);
        let after = ticks([500, 60, 60, 850, 70, 21, 32, 53], [150, 20, 30, 10]);
        let others = before.until(after).unwrap();
        assert_eq!(others, Others { taken: 0.9, cores: 2 });
        assert_eq!(others.to_string(), "other programs take 0.9 of 2 cores");
        assert_eq!([1, 2, 8].map(|threads| others.hinder(threads)), [false, true, true]);
        assert_eq!(before.until(before), None);
        assert_eq!(after.until(before), None, "a counter that went back");
    }

    #[test]
    fn what_a_desktop_takes_is_not_told() {
        assert!(!Others { taken: 0.2, cores: 2 }.hinder(2) && Others { taken: 0.3, cores: 2 }.hinder(2));
    }

    #[test]
    fn a_text_of_another_form_tells_nothing() {
        let (machine, own) = ("cpu 1 2 3 4 5 6 7 8\ncpu0 1\n", "1 (a) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14");
        assert!(Ticks::of(machine, own).is_some());
        for (machine, own) in
            [("", own), ("cpu 1 2\n", own), (machine, ""), (machine, "1 (a) R 1 2"), (machine, "1 a R")]
        {
            assert_eq!(Ticks::of(machine, own), None, "{machine} {own}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_this_program_takes_is_not_others() {
        let (before, began) = (Ticks::now().unwrap(), std::time::Instant::now());
        while began.elapsed().as_millis() < 300 {
            std::hint::spin_loop();
        }
        let after = Ticks::now().unwrap();
        let busy = Ticks { own: before.own, ..after };
        // Some systems show a file that does not count.
        let (Some(others), Some(all)) = (before.until(after), before.until(busy)) else { return };
        assert!(after.own > before.own && others.taken < all.taken);
    }
}
