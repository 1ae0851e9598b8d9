/// Reads and checks the episodes of a dataset's file.
struct EpisodeReader {
  let file: HDF5Reader
  let observation: ObservationSpace
  /// The shape of a frame in the file: `[Y, X, 1]`, `[1, Y, X]` or `[Y, X]`.
  let frameShape: [Int]
  let actions: ActionSpace

  /// The first bytes of every JPEG file.
  private static let jpegStart: [UInt8] = [0xff, 0xd8, 0xff]

  /// Everything of an episode but its frames, of which it checks shape and type.
  func episode(_ index: Int) throws -> EpisodeInfo {
    let group = "episode_\(index)"
    let rewards = try rewards(group)
    let length = rewards.count
    guard length > 0 else { throw DemonstrationError.emptyEpisode(file: file.path, field: group) }
    try checkFrames("\(group)/observations", count: length + 1)
    return EpisodeInfo(
      index: index, actions: try actions(group, length), rewards: rewards,
      terminated: try flag("\(group)/terminations", length), truncated: try flag("\(group)/truncations", length),
      seed: file.unsignedAttribute("seed", of: group))
  }

  /// Frames `range` of an episode, `[N, C, Y, X]`: each layout has the same bytes in the same order.
  func frames(_ index: Int, _ range: Range<Int>) throws -> [UInt8] {
    try file.bytes(file.field("episode_\(index)/observations"), rows: range)
  }

  private func rewards(_ group: String) throws -> [Double] {
    let field = try file.field("\(group)/rewards")
    guard field.shape.count == 1 else {
      throw DemonstrationError.wrongShape(file: file.path, field: field.name, found: field.shape, expected: [field.shape.first ?? 1])
    }
    let rewards = try file.numbers(field)
    // Beyond any score, sums would overflow.
    if let step = rewards.firstIndex(where: { !(abs($0) < 1e100) }) { throw DemonstrationError.notFinite(file: file.path, field: field.name, step: step) }
    return rewards
  }

  private func actions(_ group: String, _ length: Int) throws -> [Int32] {
    let field = try vector("\(group)/actions", length)
    let taken = try file.integers(field)
    if let step = taken.firstIndex(where: { !actions.range.contains(Int($0)) }) {
      throw DemonstrationError.actionOutOfRange(file: file.path, field: field.name, step: step, action: Int(taken[step]), actions: actions.range)
    }
    return taken.map { Int32($0 - Int64(actions.start)) }
  }

  /// Whether the last of an episode's flags is set. Others may not be: an episode ends once.
  private func flag(_ name: String, _ length: Int) throws -> Bool {
    let flags = try file.integers(vector(name, length))
    if let step = flags.dropLast().firstIndex(where: { $0 != 0 }) {
      throw DemonstrationError.endsEarly(file: file.path, field: name, step: step, length: length)
    }
    return flags[length - 1] != 0
  }

  private func vector(_ name: String, _ length: Int) throws -> HDF5Reader.Field {
    let field = try file.field(name)
    guard field.shape == [length] else {
      throw DemonstrationError.wrongShape(file: file.path, field: name, found: field.shape, expected: [length])
    }
    return field
  }

  private func checkFrames(_ name: String, count: Int) throws {
    let field = try file.field(name)
    guard field.kind != .variableLength else { throw DemonstrationError.lossyFrames(file: file.path, field: name) }
    guard field.kind == .byte else {
      throw DemonstrationError.wrongType(file: file.path, field: name, found: field.kind.name, expected: "uint8")
    }
    // Encodings that happen to be equally long make a matrix.
    if field.shape.count == 2, field.shape[0] > 0, field.shape[1] >= 3, try file.bytes(field, rows: 0..<1).starts(with: Self.jpegStart) {
      throw DemonstrationError.lossyFrames(file: file.path, field: name)
    }
    guard field.shape == [count] + frameShape else {
      throw DemonstrationError.wrongShape(file: file.path, field: name, found: field.shape, expected: [count] + frameShape)
    }
  }
}
