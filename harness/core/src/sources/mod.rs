//! Task sources that need no files, and the one that draws tasks from images.

pub mod glyphs;
pub mod image_tasks;
pub mod quadratic;
pub mod sine;

pub use image_tasks::ImageTasks;
pub use quadratic::{Bowl, Quadratic};
pub use sine::Sine;
