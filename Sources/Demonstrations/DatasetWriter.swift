import Foundation
import Spaces

/// Writes a Minari 0.5.4 dataset episode by episode; it appears, whole, with `finish()`.
///
/// Pictures are raw `uint8` `[C, Y, X]`: channels come first because Minari takes pixels with channels last for
/// pictures, which most of its versions compress as JPEG. Until it is finished, a dataset is a `PartialFolder` beside
/// its place, which goes with the writer, and which no other process can write meanwhile.
public final class DatasetWriter {
  public let id: String
  /// Where the dataset will be: the root followed by the id, as Minari wants it.
  public let folder: URL
  private let root: URL
  private let observations: StoredObservations
  private let actions: StoredActions
  private let metadata: [String: JSONValue]
  /// The file being written; nil before and after.
  private var file: HDF5Writer?
  private let partial: PartialFolder
  private var episodeCount = 0
  private var stepCount = 0
  /// Of actions and rewards as they were handed over, to be compared with what is read back.
  private var written = Fingerprint()

  /// The release whose format this is.
  private static let minariVersion = "0.5.4"

  /// Begins the dataset called `id`, such as `ditto/road-mixed-v0`, below `root`.
  /// - Parameter metadata: what else `metadata.json` should say, such as `ditto_policy`; Minari's own keys cannot be
  ///   replaced.
  /// - Throws: `invalidIdentifier`, `alreadyExists`, `beingRecorded`, `unsupportedObservations`, `unsupportedActions`,
  ///   `cannotWrite`.
  public convenience init(
    id: String, in root: URL, observation: ObservationSpace, actions: ActionSpace, metadata: [String: JSONValue] = [:]
  ) throws {
    try self.init(id, root, root.appendingPathComponent(id), observation, actions, metadata)
  }

  /// Begins a dataset in a folder of any name; its id is that name, with `-v0` where it ends in no version.
  public convenience init(
    at folder: URL, observation: ObservationSpace, actions: ActionSpace, metadata: [String: JSONValue] = [:]
  ) throws {
    let name = folder.lastPathComponent.replacing(/[^-_A-Za-z0-9]/, with: "_")
    try self.init(
      name.contains(/-v[0-9]+$/) ? name : name + "-v0", folder.deletingLastPathComponent(), folder, observation,
      actions, metadata)
  }

  private init(
    _ id: String, _ root: URL, _ folder: URL, _ observation: ObservationSpace, _ actions: ActionSpace,
    _ metadata: [String: JSONValue]
  ) throws {
    guard id.wholeMatch(of: /([-_A-Za-z0-9][-_A-Za-z0-9\/]*[-_A-Za-z0-9]\/)?[-_A-Za-z0-9]+-v[0-9]+/) != nil,
      !id.contains("//")
    else {
      throw DemonstrationError.invalidIdentifier(id)
    }
    guard observation.isSupported else {
      throw DemonstrationError.unsupportedObservations(file: id, found: observation.description)
    }
    guard actions.isSupported else {
      throw DemonstrationError.unsupportedActions(file: id, found: actions.description)
    }
    self.id = id
    self.root = root
    observations = StoredObservations(observation)
    self.metadata = metadata
    self.actions = StoredActions(actions)
    self.folder = folder
    var status = stat()
    guard lstat(folder.path, &status) != 0 else { throw DemonstrationError.alreadyExists(path: folder.path) }
    guard errno != ENAMETOOLONG else {
      throw DemonstrationError.cannotWrite(path: folder.path, reason: String(cString: strerror(ENAMETOOLONG)))
    }
    partial = try Self.writing(to: folder) { try PartialFolder(for: folder) }
    // Another process may have finished it before we had the lock.
    guard !FileManager.default.fileExists(atPath: folder.path) else {
      throw DemonstrationError.alreadyExists(path: folder.path)
    }
    let data = partial.url.appendingPathComponent("data")
    try Self.writing(to: folder) {
      try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    }
    file = try HDF5Writer(path: data.appendingPathComponent("main_data.hdf5").path)
  }

  /// Adds an episode and hands it to the operating system.
  /// - Throws: `emptyEpisode`, `wrongShape`, `actionOutOfRange`, `notFinite`, after which others can still be added;
  ///   `cannotWrite`, say on a full disk, after which none can.
  public func append(_ episode: RecordedEpisode) throws {
    let name = "episode_\(episodeCount)"
    try episode.check(observations.space, actions.space, file: folder.path, name: name)
    guard let file else { throw ended }
    do {
      try write(episode, name, file)
    } catch {
      self.file = nil  // what was half written cannot be taken back
      throw error
    }
    written.add(episode.actions, episode.rewards)
    episodeCount += 1
    stepCount += episode.actions.count
  }

  private func write(_ episode: RecordedEpisode, _ name: String, _ file: HDF5Writer) throws {
    let (length, rows) = (episode.actions.count, episode.actions.count + 1)
    let lastIs = { (flag: Bool) in [Bool](repeating: false, count: length - 1) + [flag] }
    try file.group(name)
    let (space, chunk) = (observations.space, min(Dataset.blockLength, rows))
    var groups: Set<String> = []
    for field in observations.parts.map(\.field) + actions.parts.map(\.field) {
      let path = field.split(separator: "/")
      for depth in 1..<path.count where groups.insert(path[..<depth].joined(separator: "/")).inserted {
        try file.group("\(name)/\(path[..<depth].joined(separator: "/"))")
      }
    }
    for (index, part) in observations.parts.enumerated() {
      let place = "\(name)/\(part.field)"
      try episode.frames.withUnsafeBytes { frames in
        switch part.form {
        case .pixels:
          try file.write(space.bytes(of: index, in: frames), place, shape: [rows] + part.shape, chunk: chunk)
        case .numbers:
          try file.write(space.numbers(of: index, in: frames), place, shape: [rows] + part.shape, chunk: chunk)
        case .classes:
          try file.write(
            space.numbers(of: index, in: frames).map { Int64($0) }, place, shape: [rows] + part.shape, chunk: chunk)
        }
      }
    }
    try write(episode.actions, below: name, file)
    try file.write(episode.rewards, "\(name)/rewards")
    try file.write(lastIs(episode.terminated), "\(name)/terminations")
    try file.write(lastIs(episode.truncated), "\(name)/truncations")
    try file.group("\(name)/infos")
    try file.setAttribute("id", of: name, to: episodeCount)
    try file.setAttribute("total_steps", of: name, to: length)
    if let seed = episode.seed { try file.setAttribute("seed", of: name, to: seed) }
    // In order, since a dictionary has none: the same recording gives the same file.
    for (key, value) in attributes(of: episode).sorted(by: { $0.key < $1.key }) {
      try file.setAttribute(key, of: name, to: value)
    }
    try file.flush()
  }

  private func write(_ taken: [Action], below name: String, _ file: HDF5Writer) throws {
    var (group, number) = (0, 0)
    for (kind, part) in zip(actions.space.parts, actions.parts) {
      let place = "\(name)/\(part.field)"
      switch kind.kind {
      case .classes(let counts, let starts):
        let values = taken.flatMap { action in counts.indices.map { Int64(action.classes[group + $0] + starts[$0]) } }
        try file.write(values, place, shape: [taken.count] + part.shape, chunk: taken.count)
        group += counts.count
      case .box(let low, _):
        try file.write(
          taken.flatMap { $0.numbers[number..<number + low.count] }, place, shape: [taken.count] + part.shape,
          chunk: taken.count)
        number += low.count
      }
    }
  }

  /// Minari's statistics of rewards, and what the recorder adds.
  private func attributes(of episode: RecordedEpisode) -> [String: Double] {
    let spread = Spread(episode.rewards)
    let own = [
      "rewards_sum": episode.rewards.reduce(0, +), "rewards_mean": spread.mean, "rewards_std": spread.sd,
      "rewards_min": spread.min,
      "rewards_max": spread.max,
    ]
    return own.merging(episode.attributes.filter { !["id", "seed", "total_steps"].contains($0.key) }) { own, _ in own }
  }

  /// Completes the dataset, reads it back, and moves it to its place.
  /// - Throws: `noEpisodes`, `alreadyExists`, `cannotWrite`, also where it does not hold what was handed over;
  ///   `Interrupted` after a signal, and nothing is written then.
  public func finish() throws {
    guard file != nil else { throw ended }
    guard episodeCount > 0 else { throw DemonstrationError.noEpisodes(file: folder.path) }
    guard !FileManager.default.fileExists(atPath: folder.path) else {
      throw DemonstrationError.alreadyExists(path: folder.path)
    }
    file = nil  // closes it; every append has flushed
    let data = partial.url.appendingPathComponent("data")
    try Self.writing(to: folder) {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let main = data.appendingPathComponent("main_data.hdf5").path
      let bytes = try FileManager.default.attributesOfItem(atPath: main)[.size] as? Int ?? 0
      let metadata = try completeMetadata(bytes: bytes, checksum: HDF5File(path: main).checksum())
      try encoder.encode(metadata).write(to: data.appendingPathComponent("metadata.json"))
    }
    try verify()
    try Self.writing(to: folder) {
      try writeNamespaces()
      try partial.publish()
    }
  }

  /// Reads everything back: what was handed over, and frames that can be decompressed.
  private func verify() throws {
    let failure = { (reason: String) in DemonstrationError.cannotWrite(path: self.folder.path, reason: reason) }
    var found = Fingerprint()
    do {
      let dataset = try Dataset(at: partial.url, cached: false)
      for episode in dataset.episodes {
        found.add(episode.actions, episode.rewards)
        try dataset.forEachFrame(episode: episode.index, range: 0..<episode.frameCount) { _, _ in try Dataset.goOn(id) }
      }
    } catch let stopped as Interrupted {
      throw Interrupted(
        exitCode: stopped.exitCode, description: "\(folder.path): the recording was stopped; nothing was written")
    } catch { throw failure("what was written cannot be read back: \(error)") }
    guard found.text == written.text else { throw failure("what was written is not what is read back") }
  }

  /// Minari wants a file in each folder above a dataset.
  private func writeNamespaces() throws {
    var namespace = root
    for part in id.split(separator: "/").dropLast() {
      namespace.appendPathComponent(String(part))
      let file = namespace.appendingPathComponent("namespace_metadata.json")
      if !FileManager.default.fileExists(atPath: file.path) { try Data("{}".utf8).write(to: file) }
    }
  }

  private func completeMetadata(bytes: Int, checksum: UInt32) throws -> [String: JSONValue] {
    let own: [String: JSONValue] = [
      "dataset_id": .string(id), "minari_version": .string(Self.minariVersion), "data_format": "hdf5",
      "jpeg_encoding": false, StoredObservations.channelsKey: "first",
      "total_episodes": .integer(episodeCount), "total_steps": .integer(stepCount),
      "observation_space": .string(observations.json), "action_space": .string(actions.json),
      "dataset_size": .number((Double(bytes) / 1e5).rounded() / 10),
      DatasetFiles.checksumKey: .string(DatasetFiles.text(checksum)),
    ]
    var complete = own.merging(metadata) { own, _ in own }
    complete[DatasetMetadata.checksumKey] = .string(try DatasetMetadata.checksum(of: complete))
    return complete
  }

  private var ended: DemonstrationError { .cannotWrite(path: folder.path, reason: "the recording has ended") }

  private static func writing<Result>(to folder: URL, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch PartialFolder.Failure.taken {
      throw DemonstrationError.beingRecorded(path: folder.path)
    } catch PartialFolder.Failure.exists {
      throw DemonstrationError.alreadyExists(path: folder.path)
    } catch PartialFolder.Failure.unknown(let left) {
      throw DemonstrationError.cannotWrite(
        path: folder.path,
        reason:
          "\(left.lastPathComponent) is there, and without locks nobody knows whether another process fills it; remove it if none does"
      )
    } catch PartialFolder.Failure.system(let number) {
      throw DemonstrationError.cannotWrite(path: folder.path, reason: String(cString: strerror(number)))
    } catch {
      throw DemonstrationError.cannotWrite(path: folder.path, reason: error.localizedDescription)
    }
  }
}

extension Fingerprint {
  fileprivate mutating func add(_ actions: [Action], _ rewards: [Double]) {
    add(actions.count)
    actions.forEach { add($0) }
    rewards.forEach { add($0.bitPattern) }
  }
}
