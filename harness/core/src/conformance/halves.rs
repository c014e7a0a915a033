//! That training gives the same bits whatever is done at test: what a method says in [`Algorithm::halves`] is tried out.

use toml::{Table, Value};

use super::{Toy, iterate};
use crate::algorithm::{Algorithm, Entry};
use crate::context::Protocol;
use crate::error::Result;
use crate::rng::{Purpose, Stream};
use crate::state::State;

/// Panics where a key that is named is not the method's, or where something that is said to be of the test alone changes
/// the training.
pub(super) fn hold(entry: &Entry, table: &Table, toy: &Toy) -> Result<()> {
    let name = entry.name;
    let build = |table: &Table, protocol: Protocol| {
        let context = crate::Context { protocol, ..toy.context() };
        (entry.build)(table, &context)
    };
    let method = build(table, toy.protocol)?;
    let Some(halves) = method.halves() else { return Ok(()) };
    let own = halves.trains_as.iter().flat_map(|other| &other.own);
    for key in halves.test.iter().chain(&halves.both).chain(own) {
        let mut odd = table.clone();
        // No setting is a list of lists, so that only a key which the method does not have is called unknown.
        odd.insert((*key).to_owned(), Value::Array(vec![Value::Array(vec![])]));
        let refused = build(&odd, toy.protocol).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            !refused.is_empty() && !refused.contains("unknown key"),
            "{name}: halves names \"{key}\", which is no key of the method: {refused}"
        );
    }
    let other = halves.trains_as.as_ref().map(|other| other.method);
    assert_ne!(other, Some(name), "{name}: halves names the method itself as another one");
    let reference = trained(toy, method.as_ref())?;
    let same = |method: &dyn Algorithm, what: &str| -> Result<()> {
        let other = trained(toy, method)?;
        assert!(
            reference.same_bits(&other)?,
            "{name}: halves says that training does not read {what}, and it changes where training goes"
        );
        Ok(())
    };
    let Protocol { ways, shots, queries } = toy.protocol;
    if !halves.shots {
        same(build(table, Protocol { ways, shots: shots + 1, queries: queries + 2 })?.as_ref(), "shots and queries")?;
    }
    if !halves.ways {
        same(build(table, Protocol { ways: ways + 1, shots, queries })?.as_ref(), "ways")?;
    }
    for key in &halves.test {
        let mut changed = table.clone();
        match changed.get_mut(*key) {
            Some(Value::Integer(number)) => *number += 1,
            Some(Value::Float(number)) => *number *= 0.5,
            _ => continue,
        }
        same(build(&changed, toy.protocol)?.as_ref(), key)?;
    }
    Ok(())
}

/// After two meta-iterations.
fn trained(toy: &Toy, method: &dyn Algorithm) -> Result<State> {
    let mut state = method.init(&mut Stream::new(0, Purpose::Init, 0, 0))?;
    for _ in 0..2 {
        iterate(toy, method, &mut state, 10)?;
    }
    Ok(state)
}
