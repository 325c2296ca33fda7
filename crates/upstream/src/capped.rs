//! Decoders that stop: no input makes them write more than a cap, in bytes or in ratio to what
//! they read.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use thiserror::Error;

/// Below this size, in bytes, the ratio is not looked at: tiny inputs compress without bound.
const RATIO_FLOOR: u64 = 1 << 20;
const CHUNK: usize = 64 << 10;
/// What an xz decoder may take, in bytes: `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;
const CONCATENATED: u32 = liblzma::stream::CONCATENATED;

/// A content coding (RFC 9110 section 8.4.1, RFC 7932, RFC 8878) or the compression of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// gzip, any number of members.
    Gzip,
    /// `deflate`: zlib, or the bare stream that some servers send under this name.
    Deflate,
    /// Brotli.
    Brotli,
    /// Zstandard, any number of frames.
    Zstd,
    /// An xz file, any number of streams. No transfer coding: only files are compressed so.
    Xz,
}

impl Coding {
    /// Reads the value of a `Content-Encoding` header. `None` for unknown codings and for more
    /// than one.
    pub fn parse(label: &str) -> Option<Self> {
        match label.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Identity => "plain",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "brotli",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        }
    }
}

impl From<weir_core::Coding> for Coding {
    fn from(coding: weir_core::Coding) -> Self {
        match coding {
            weir_core::Coding::Identity => Self::Identity,
            weir_core::Coding::Gzip => Self::Gzip,
            weir_core::Coding::Zstd => Self::Zstd,
            weir_core::Coding::Xz => Self::Xz,
        }
    }
}

/// How much may come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// Bytes in all.
    pub bytes: u64,
    /// Decoded bytes for each byte read, looked at beyond the first MiB; 0 counts as 1.
    pub ratio: u32,
}

/// Why decoding stopped.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// More than [`Cap::bytes`].
    #[error("expected at most {limit} decoded bytes")]
    TooLarge {
        /// The cap in bytes.
        limit: u64,
    },
    /// More than [`Cap::ratio`].
    #[error("expected at most {ratio} decoded bytes for each byte received")]
    Ratio {
        /// The cap.
        ratio: u32,
    },
    /// The input is not what its label says, or is cut short.
    #[error("expected a whole {coding} body: {source}")]
    Corrupt {
        /// The coding by name.
        coding: &'static str,
        /// What the decoder said.
        source: io::Error,
    },
    /// The output could not be written.
    #[error("cannot write decoded bytes: {0}")]
    Write(#[source] io::Error),
}

/// Decodes bytes in memory.
pub fn decode(coding: Coding, bytes: &[u8], cap: Cap) -> Result<Vec<u8>, DecodeError> {
    let mut output = Vec::with_capacity(bytes.len().saturating_mul(4).min(RATIO_FLOOR as usize));
    copy(coding, bytes, &mut output, cap)?;
    Ok(output)
}

/// Decodes a reader into a writer and returns the number of bytes written. When it fails, what
/// was written is within the cap, and not to be used.
pub fn copy<R: Read, W: Write>(
    coding: Coding,
    input: R,
    output: &mut W,
    cap: Cap,
) -> Result<u64, DecodeError> {
    let corrupt = |source| DecodeError::Corrupt { coding: coding.name(), source };
    let taken = Cell::new(0);
    let mut decoder = decoder(coding, Counted { inner: input, count: &taken }).map_err(corrupt)?;
    let mut chunk = vec![0; CHUNK];
    let mut written = 0;
    loop {
        let read = match decoder.read(&mut chunk) {
            Ok(0) => return Ok(written),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(corrupt(error)),
        };
        written += read as u64;
        check(written, taken.get(), cap)?;
        output.write_all(&chunk[..read]).map_err(DecodeError::Write)?;
    }
}

fn check(written: u64, taken: u64, cap: Cap) -> Result<(), DecodeError> {
    let ratio = cap.ratio.max(1);
    if written > cap.bytes {
        Err(DecodeError::TooLarge { limit: cap.bytes })
    } else if written > RATIO_FLOOR && written > taken.saturating_mul(u64::from(ratio)) {
        Err(DecodeError::Ratio { ratio })
    } else {
        Ok(())
    }
}

fn decoder<'a, R: Read + 'a>(coding: Coding, input: R) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match coding {
        Coding::Identity => Box::new(input),
        Coding::Gzip => Box::new(MultiGzDecoder::new(input)),
        Coding::Deflate => {
            let mut input = BufReader::new(input);
            if is_zlib(input.fill_buf()?) {
                Box::new(ZlibDecoder::new(input))
            } else {
                Box::new(DeflateDecoder::new(input))
            }
        }
        Coding::Brotli => Box::new(brotli::Decompressor::new(input, CHUNK)),
        Coding::Zstd => Box::new(zstd::stream::read::Decoder::new(input)?),
        Coding::Xz => Box::new(xz(input)?),
    })
}

/// The decoder's own memory is capped too: a dictionary is as large as its file says.
fn xz<R: Read>(input: R) -> io::Result<liblzma::read::XzDecoder<R>> {
    let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
    Ok(liblzma::read::XzDecoder::new_stream(input, stream))
}

/// RFC 1950 section 2.2: the method is deflate, and the first two bytes are a multiple of 31.
fn is_zlib(head: &[u8]) -> bool {
    match head {
        [first, second, ..] => {
            first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31)
        }
        _ => true,
    }
}

struct Counted<'a, R> {
    inner: R,
    count: &'a Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

#[cfg(test)]
#[path = "capped/tests.rs"]
mod tests;
