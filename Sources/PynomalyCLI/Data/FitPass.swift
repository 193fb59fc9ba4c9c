import Tables

/// The first pass: the library learns from the rows as a stream, so that memory stays bounded. Detectors with
/// partial_fit learn from all of them.
struct FitPass {
  /// Numbers kept for the second pass at most; files with fewer are parsed only once.
  static let keptBytes = 128 << 20
  /// Rows beyond which a detector without partial_fit learns from a sample of that many
  /// (pyn_detector_fit_stream).
  static let sampleRows = 131_072

  let rows: Int
  /// Whether the fit saw no more than a sample of them.
  let sampled: Bool
  /// The first chunks, with their numbers.
  let kept: [Chunk]

  /// Fits the detector; `keeping` says whether a second pass will come.
  init(_ detector: Detector, _ features: FeatureTable, _ session: Session, keeping: Bool) throws {
    let source = features.table.source
    let threads = features.parsingThreads(session)
    let chunks = features.chunks(session, threads: threads)
    defer { chunks.stop() }
    let store = ChunkStore(limit: keeping ? FitPass.keptBytes : 0, chunks)
    let arrow = ChunkArrowStream(
      chunks, names: features.featureNames,
      advanced: { chunks in
        session.progress.update(
          "fitting", Double(chunks.offset - source.start) / Double(source.end - source.start))
      },
      release: store.take)
    var stream = arrow.export()
    try features.explaining {
      do {
        try detector.fit(&stream, session, threads: session.threads)
      } catch {
        throw arrow.failure ?? error
      }
    }
    session.progress.clear()
    rows = chunks.rows
    sampled = rows > FitPass.sampleRows && !detector.learnsInParts && !detector.readsSeries
    kept = store.kept
  }
}

/// Keeps the first chunks of a pass while they fit, and sends the others back to be used again.
private final class ChunkStore {
  private let limit: Int
  private let stream: ChunkStream
  private var bytes = 0
  private var isFull = false
  private(set) var kept: [Chunk] = []

  init(limit: Int, _ stream: ChunkStream) {
    self.limit = limit
    self.stream = stream
  }

  func take(_ chunk: Chunk) {
    isFull = isFull || bytes + chunk.footprint > limit
    guard !isFull else { return stream.recycle(chunk) }
    bytes += chunk.footprint
    chunk.dropText()
    kept.append(chunk)
  }
}

extension FeatureTable {
  /// Small files are not worth threads of their own; the library's go through their few chunks.
  var isSmall: Bool { table.source.end - table.source.start < 4 << 20 }

  func parsingThreads(_ session: Session) -> Int { isSmall ? 1 : session.threads }
}
