import Foundation
import Spaces

/// A Minari dataset on disk: recorded episodes of pixels, vectors or both, and of actions.
///
/// Opening reads everything but the frames. Those are read when they are asked for, in blocks of 64, and the blocks
/// used last are kept in memory, 512 MiB in all datasets together, so that a small dataset is decompressed once and a
/// large one takes bounded memory. Safe to use from several threads at once.
public final class Dataset: Sendable {
  /// The dataset's id, such as `ditto/pong-expert-v0`, or its folder's name where it has none.
  public let name: String
  /// The dataset's folder, as it was given.
  public let path: String
  /// What frames have.
  public let observation: ObservationSpace
  /// How they are made of what is recorded.
  public let view: ObservationView
  public let actions: ActionSpace
  /// In the order of their numbers.
  public let episodes: [EpisodeInfo]
  /// The names of what was seen beside `observation`, which is text.
  public var leftOut: [String] { reader.observations.leftOut }
  /// The type in which each of `observation`'s fields is stored, such as `float64`.
  func types() throws -> [String] {
    let types = Dictionary(uniqueKeysWithValues: zip(reader.observations.space.fields.map(\.name), try reader.types()))
    return observation.fields.map { types[$0.name]! }
  }
  /// All that the dataset says about itself, keys of other programs included.
  public let metadata: [String: JSONValue]
  /// A `w` and 16 hexadecimal digits that change with the content, wherever it is stored: a key for what is computed
  /// from the dataset. Covers every byte of its files.
  public let fingerprint: String

  private let cache: FrameCache
  private let reader: EpisodeReader
  private let files: DatasetFiles

  /// Frames per cached block.
  static let blockLength = 64

  /// Opens the dataset in a folder that holds `data/main_data.hdf5`, or in that `data` folder itself.
  /// - Parameters:
  ///   - seeing: what of the observations is read.
  ///   - cached: whether frames are kept in memory; if not, blocks are read anew each time.
  /// - Throws: `DemonstrationError` where the dataset cannot be read, is inconsistent, or is of a kind that is not
  ///   supported.
  public convenience init(
    at folder: URL, seeing: ObservationConfiguration = ObservationConfiguration(), cached: Bool = true
  ) throws {
    try self.init(at: folder, seeing: seeing, cache: cached ? .shared : FrameCache(capacity: 0))
  }

  /// - Parameters:
  ///   - cache: where decompressed frames are kept.
  ///   - admittingNonFinite: whether numbers of vectors that are not finite are handed out, to be counted.
  init(
    at folder: URL, seeing: ObservationConfiguration = ObservationConfiguration(), cache: FrameCache,
    admittingNonFinite: Bool = false
  ) throws {
    let (data, metadataFile) = try Self.dataFolder(in: folder)
    let file = data.appendingPathComponent("main_data.hdf5")
    let json = try metadataFile.map { file in
      do { return try RegularFile.contents(of: file) } catch {
        throw DemonstrationError.unreadableMetadata(file: file.path, reason: "\(error)")
      }
    }
    let stored = try json.map { try DatasetMetadata(json: $0, file: data.appendingPathComponent("metadata.json").path) }
    try stored?.checkFormat()
    try stored?.checkSum()
    guard FileManager.default.fileExists(atPath: file.path) else {
      throw DemonstrationError.notADataset(path: folder.path)
    }
    let hdf5 = try HDF5Reader(path: file.path)
    let metadata = try stored ?? DatasetMetadata(attributesOf: hdf5)

    let reader = EpisodeReader(
      file: hdf5,
      observations: try StoredObservations(
        metadata.observationSpace, channelsFirst: metadata.values[StoredObservations.channelsKey] == "first",
        file: metadata.file),
      actions: try StoredActions(metadata.actionSpace, file: metadata.file), admitsNonFinite: admittingNonFinite)
    actions = reader.actions.space
    view = try seeing.view(of: reader.observations.space, in: folder.path)
    observation = view.seen
    episodes = try Self.episodes(reader, metadata)
    name = metadata.identifier ?? folder.lastPathComponent
    path = folder.path
    self.metadata = metadata.values
    self.reader = reader
    self.cache = cache
    let files = DatasetFiles(metadata: json, data: hdf5.files)
    fingerprint = try files.fingerprint(expecting: metadata.checksum) { [name] in try Self.goOn(name) }
    // Episodes were read before.
    if let changed = files.data.first(where: { !$0.isKnown(in: $0.state) }) {
      throw DemonstrationError.changedInUse(file: changed.path)
    }
    self.files = files
  }

  /// For passes over data that may take long.
  /// - Throws: `Interrupted` after a signal.
  static func goOn(_ name: String) throws {
    try Interruption.check("\(name): stopped while it was read; the same command begins again")
  }

  /// Compares what is in the dataset's files with what was there when it was opened, where somebody has written to them
  /// meanwhile. Whoever keeps what was made of frames asks before.
  /// - Throws: `changedInUse`.
  public func checkUnchanged() throws { try files.checkUnchanged(from: fingerprint) }

  /// Whether `fingerprint` was this dataset's, also as earlier versions took it.
  public func wasFingerprinted(as fingerprint: String) throws -> Bool {
    if fingerprint == self.fingerprint { return true }
    guard !fingerprint.hasPrefix("w") else { return false }
    return try files.sampledFingerprint(of: episodes, actions) == fingerprint
  }

  deinit { cache.forget(ObjectIdentifier(self)) }

  /// Frames `range` of an episode, one after the other; all `T + 1` of them where no range is given.
  /// - Throws: `noSuchEpisode`, `noSuchFrames`, `damagedField`.
  public func frames(episode: Int, range: Range<Int>? = nil) throws -> [UInt8] {
    let range = try range ?? 0..<self.episode(episode).frameCount
    let size = observation.frameSize
    return try [UInt8](unsafeUninitializedCapacity: range.count * size) { buffer, initialized in
      try forEachFrame(episode: episode, range: range) { index, frame in
        UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[index * size..<(index + 1) * size]
        ).copyMemory(from: frame)
      }
      initialized = range.count * size
    }
  }

  /// Hands out frames `range` one by one, counted from the range's start: `body(0, …)`, `body(1, …)`, ….
  func forEachFrame(episode: Int, range: Range<Int>, _ body: (Int, UnsafeRawBufferPointer) throws -> Void) throws {
    let (count, size) = (try self.episode(episode).frameCount, observation.frameSize)
    guard range.lowerBound >= 0, range.upperBound <= count else {
      throw DemonstrationError.noSuchFrames(dataset: name, episode: episode, frames: range, count: count)
    }
    var next = range.lowerBound
    while next < range.upperBound {
      let block = next / Self.blockLength
      let held = block * Self.blockLength..<min((block + 1) * Self.blockLength, count)
      let bytes = try cache.block(FrameCache.Key(dataset: ObjectIdentifier(self), episode: episode, block: block)) {
        view.frames(of: try reader.frames(episode, held))
      }
      guard bytes.count == held.count * size else {
        throw DemonstrationError.damagedField(file: reader.file.path, field: "episode_\(episode)/observations")
      }
      let end = min(held.upperBound, range.upperBound)
      try bytes.withUnsafeBytes { buffer in
        for frame in next..<end {
          let start = (frame - held.lowerBound) * size
          try body(frame - range.lowerBound, UnsafeRawBufferPointer(rebasing: buffer[start..<start + size]))
        }
      }
      next = end
    }
  }

  /// - Throws: `noSuchEpisode`.
  func episode(_ index: Int) throws -> EpisodeInfo {
    guard episodes.indices.contains(index) else {
      throw DemonstrationError.noSuchEpisode(dataset: name, episode: index, count: episodes.count)
    }
    return episodes[index]
  }
}

extension Dataset {
  /// The folder with a dataset's files, and its `metadata.json` if there is one.
  private static func dataFolder(in folder: URL) throws -> (data: URL, metadata: URL?) {
    let exists = { (url: URL) in FileManager.default.fileExists(atPath: url.path) }
    guard exists(folder) else { throw DemonstrationError.missing(path: folder.path) }
    for data in [folder.appendingPathComponent("data"), folder] {
      let metadata = data.appendingPathComponent("metadata.json")
      if exists(metadata) { return (data, metadata) }
      if exists(data.appendingPathComponent("main_data.hdf5")) { return (data, nil) }
    }
    throw DemonstrationError.notADataset(path: folder.path)
  }

  static let tooManySteps =
    "brings the dataset to more than 64 steps for each byte of its files, which no recording has; record the dataset again"

  private static func episodes(_ reader: EpisodeReader, _ metadata: DatasetMetadata) throws -> [EpisodeInfo] {
    let (count, found) = (try metadata.episodeCount, reader.file.rootCount)
    guard count > 0 || found > 0 else { throw DemonstrationError.noEpisodes(file: reader.file.path) }
    guard count >= found else {
      throw DemonstrationError.wrongCount(file: metadata.file, field: "total_episodes", found: count, expected: found)
    }
    // One after the other: their number is what a file says, and not to be counted on before they are there.
    var (episodes, groups, steps) = ([EpisodeInfo](), Set<String>(), 0)
    for index in 0..<count {
      try goOn(metadata.identifier ?? reader.file.path)
      let rewards = try reader.file.field("episode_\(index)/rewards")
      steps += rewards.shape.first ?? 0
      // A thousand times as many zeros fit in, and take memory before anything else is read.
      let bytes = reader.file.files.map(\.size).reduce(0, +)
      guard UInt64(steps) <= 64 * bytes + 1 << 20 else {
        throw DemonstrationError.unsupportedField(file: reader.file.path, field: rewards.name, reason: tooManySteps)
      }
      episodes.append(try reader.episode(index))
      guard try groups.insert(reader.file.identity("episode_\(index)")).inserted else {
        throw DemonstrationError.unsupportedField(
          file: reader.file.path, field: "episode_\(index)",
          reason: "is another name of an episode before it: copy that, or leave it out")
      }
    }
    return episodes
  }
}
