//! Lists without repetitions, in the order in which their parts come.

/// Each once.
pub fn unique<T: PartialEq>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// Each text with the labels that share it, both once.
pub fn shared_by<T: PartialEq, L: PartialEq>(all: impl IntoIterator<Item = (T, L)>) -> Vec<(T, Vec<L>)> {
    let mut said: Vec<(T, Vec<L>)> = Vec::new();
    for (text, label) in all {
        match said.iter_mut().find(|(other, _)| *other == text) {
            Some((_, labels)) if labels.contains(&label) => {}
            Some((_, labels)) => labels.push(label),
            None => said.push((text, vec![label])),
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_told_once_where_they_first_come() {
        assert_eq!(unique(["b", "a", "b", "c", "a"]), ["b", "a", "c"]);
        let all = [("x", "b"), ("y", "a"), ("x", "a"), ("x", "b")];
        assert_eq!(shared_by(all), [("x", vec!["b", "a"]), ("y", vec!["a"])]);
    }
}
