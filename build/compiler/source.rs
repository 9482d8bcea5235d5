//! The .proto files, and at which line of them something stands.

use std::path::Path;
use std::{fs, io};

use prost_reflect::{
    DescriptorPool, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor,
    MethodDescriptor, OneofDescriptor, ServiceDescriptor,
};

use super::error::Problem;

/// The contract as it was written.
pub struct Source {
    /// Names of the files, relative to their folder.
    pub files: Vec<String>,
    /// With comments and lines.
    pub descriptor_set: Vec<u8>,
    /// The same, to walk through.
    pub pool: DescriptorPool,
}

/// Reads all files of a folder.
///
/// # Errors
/// A file cannot be read, or is no protobuf.
pub fn read(dir: &Path) -> Result<Source, Problem> {
    let unreadable = |e: io::Error| whole(String::new(), e.to_string());
    let files = names(dir).map_err(unreadable)?;
    let mut compiler = protox::Compiler::new([dir]).map_err(|e| of_protox(&e))?;
    compiler.include_source_info(true).include_imports(true).open_files(&files).map_err(|e| of_protox(&e))?;
    let descriptor_set = compiler.encode_file_descriptor_set();
    let pool = DescriptorPool::decode(descriptor_set.as_slice()).map_err(|e| whole(String::new(), e.to_string()))?;
    Ok(Source { files, descriptor_set, pool })
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let (mut found, mut open) = (Vec::new(), vec![dir.to_path_buf()]);
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "proto") {
                let name = path.strip_prefix(dir).map_err(io::Error::other)?;
                found.push(name.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What the parser says; only its `Debug` form has the line.
fn of_protox(error: &protox::Error) -> Problem {
    let file = error.file().unwrap_or_default().to_owned();
    let shown = format!("{error:?}");
    let place = shown.strip_prefix(&file).and_then(|rest| rest.strip_prefix(':'));
    let line = place.and_then(|rest| rest.split(':').next()?.parse().ok());
    Problem { file, line: line.unwrap_or(0), what: error.to_string() }
}

fn whole(file: String, what: String) -> Problem {
    Problem { file, line: 0, what }
}

/// The descriptor set for reflection.
///
/// # Errors
/// The files do not fit together; they did when they were read.
pub fn without_comments(pool: &DescriptorPool) -> Result<Vec<u8>, Problem> {
    // Decoded by the pool and re-encoded, so that our own options survive as unknown fields would.
    let mut files: Vec<_> = pool.file_descriptor_protos().cloned().collect();
    for file in &mut files {
        file.source_code_info = None;
    }
    let mut stripped = DescriptorPool::new();
    stripped.add_file_descriptor_protos(files).map_err(|e| whole(String::new(), e.to_string()))?;
    Ok(stripped.encode_to_vec())
}

/// Something that stands at some line of a file.
pub trait Placed {
    /// Number of the field that holds its options in its descriptor.
    const OPTIONS: i32;
    /// The file that it is in.
    fn file(&self) -> FileDescriptor;
    /// Its path in the descriptor of the file.
    fn way(&self) -> Vec<i32>;

    /// A problem with all of it.
    fn problem(&self, what: impl Into<String>) -> Problem {
        problem(&self.file(), &self.way(), what.into())
    }

    /// The path of the option with that number.
    fn way_to(&self, option: u32) -> Vec<i32> {
        let mut way = self.way();
        way.extend([Self::OPTIONS, option.cast_signed()]);
        way
    }

    /// A problem with one of its options.
    fn problem_in(&self, option: &ExtensionDescriptor, what: impl Into<String>) -> Problem {
        self.problem_at(option.number(), what)
    }

    /// A problem with the option of that number.
    fn problem_at(&self, option: u32, what: impl Into<String>) -> Problem {
        problem(&self.file(), &self.way_to(option), what.into())
    }

    /// How many statements give the option. Of several the last would win where they contradict each other.
    fn statements(&self, option: &ExtensionDescriptor) -> usize {
        lines(&self.file(), &self.way_to(option.number())).len()
    }
}

macro_rules! placed {
    ($($kind:ty: $options:literal),+ $(,)?) => {
        $(impl Placed for $kind {
            const OPTIONS: i32 = $options;

            fn file(&self) -> FileDescriptor {
                self.parent_file()
            }

            fn way(&self) -> Vec<i32> {
                self.path().to_vec()
            }
        })+
    };
}

placed! {
    ServiceDescriptor: 3,
    MethodDescriptor: 4,
    MessageDescriptor: 7,
    FieldDescriptor: 8,
    OneofDescriptor: 2,
    EnumDescriptor: 3,
}

fn problem(file: &FileDescriptor, way: &[i32], what: String) -> Problem {
    Problem { file: file.name().to_owned(), line: lines(file, way).into_iter().min().unwrap_or(0), what }
}

/// The lines on which things begin that are at `way` in the descriptor of a file or inside of it.
fn lines(file: &FileDescriptor, way: &[i32]) -> Vec<usize> {
    let Some(info) = file.file_descriptor_proto().source_code_info.as_ref() else { return Vec::new() };
    let spans = info.location.iter().filter(|at| at.path.starts_with(way)).filter_map(|at| at.span.first());
    spans.filter_map(|line| usize::try_from(line + 1).ok()).collect()
}
