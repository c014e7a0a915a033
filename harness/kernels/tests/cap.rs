//! The cap on the instruction set, in a process of its own since it is the whole process's.

#[path = "shared/sets.rs"]
mod sets;

use harness_kernels::{Cap, cap, instruction_set, limited};
use sets::told;

#[test]
fn a_cap_holds_every_thread_and_a_limit_one_of_them() {
    let widest = instruction_set();
    let here: Vec<Cap> = Cap::here().collect();
    assert_eq!(here.first(), Some(&Cap::Scalar));
    assert_eq!(told(*here.last().unwrap()), widest);
    for set in here {
        cap(Some(set));
        let elsewhere = std::thread::spawn(instruction_set).join().unwrap();
        assert_eq!((instruction_set(), elsewhere), (told(set), told(set)));
        assert_eq!(limited("scalar", instruction_set), "scalar");
        assert_eq!(limited(widest, instruction_set), told(set), "a limit is no way round a cap");
    }
    cap(None);
    assert_eq!((instruction_set(), limited("avx1024", instruction_set)), (widest, widest));
}
