//! Where the ranks are: names for messages, and who shares cores with whom.

use serde::{Deserialize, Serialize};

use super::link::{Link, Lost};

/// What every rank says of its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    host: String,
    /// The cores that it may run on, as the system writes them.
    allowed: String,
    cores: usize,
}

/// The places of all ranks.
pub(super) struct Hosts(Vec<Place>);

impl Hosts {
    pub(super) fn meet(link: &dyn Link) -> Result<Hosts, Lost> {
        let said = link.gather(serde_json::to_vec(&Place::here()).expect("plain data"))?;
        let unknown = || Place { host: "unknown".into(), allowed: String::new(), cores: 1 };
        let places = said.iter().map(|bytes| serde_json::from_slice(bytes).unwrap_or_else(|_| unknown())).collect();
        Ok(Hosts(places))
    }

    pub(super) fn name(&self, rank: usize) -> &str {
        self.0.get(rank).map_or("unknown", |place| place.host.as_str())
    }

    pub(super) fn cores(&self, rank: usize) -> usize {
        let own = &self.0[rank];
        let sharing = self.0.iter().filter(|place| (&place.host, &place.allowed) == (&own.host, &own.allowed)).count();
        (own.cores / sharing.max(1)).max(1)
    }
}

impl Place {
    fn here() -> Place {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let host = read("/proc/sys/kernel/hostname").trim().to_owned();
        let status = read("/proc/self/status");
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
        Place {
            host: if host.is_empty() { "this host".to_owned() } else { host },
            allowed: allowed.trim().to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_on_the_same_cores_share_them() {
        let place = |host: &str, allowed: &str, cores| Place { host: host.into(), allowed: allowed.into(), cores };
        let hosts = Hosts(vec![
            place("a", "0-7", 8),
            place("a", "0-7", 8),
            place("a", "0-7", 8),
            place("b", "0-7", 8),
            place("c", "0", 1),
            place("c", "1", 1),
        ]);
        assert_eq!((0..6).map(|rank| hosts.cores(rank)).collect::<Vec<_>>(), [2, 2, 2, 8, 1, 1]);
        assert_eq!(hosts.name(3), "b");
        assert!(Place::here().cores > 0);
    }
}
