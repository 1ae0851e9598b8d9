import Spaces

/// Reads and checks the episodes of a dataset's file.
struct EpisodeReader {
  let file: HDF5Reader
  let observations: StoredObservations
  let actions: StoredActions
  /// Whether numbers that are not finite are handed out; otherwise they are errors.
  let admitsNonFinite: Bool

  /// The first bytes of every JPEG file.
  private static let jpegStart: [UInt8] = [0xff, 0xd8, 0xff]

  /// Everything of an episode but its frames, of which it checks shape and type.
  func episode(_ index: Int) throws -> EpisodeInfo {
    let group = "episode_\(index)"
    let rewards = try rewards(group)
    let length = rewards.count
    guard length > 0 else { throw DemonstrationError.emptyEpisode(file: file.path, field: group) }
    for part in observations.parts {
      let (name, shape) = ("\(group)/\(part.field)", [length + 1] + part.shape)
      if case .pixels = part.form { try checkPixels(name, shape) } else { try checkNumbers(name, shape) }
    }
    return EpisodeInfo(
      index: index, actions: try actions(group, length), rewards: rewards,
      terminated: try flag("\(group)/terminations", length), truncated: try flag("\(group)/truncations", length),
      seed: try file.unsignedAttribute("seed", of: group))
  }

  /// Frames `range` of an episode, one after the other.
  func frames(_ index: Int, _ range: Range<Int>) throws -> [UInt8] {
    let space = observations.space
    return space.frames(
      joining: try zip(space.fields, observations.parts).map { kind, part in
        let field = try file.field("episode_\(index)/\(part.field)")
        // Another program may have changed the file since it was opened.
        guard field.shape.dropFirst() == part.shape[...] else {
          throw DemonstrationError.damagedField(file: file.path, field: field.name)
        }
        switch part.form {
        case .pixels(channelsLast: false): return try file.bytes(field, rows: range)
        case .pixels(channelsLast: true): return Self.channelsFirst(try file.bytes(field, rows: range), kind.shape)
        case .numbers:
          let numbers = try file.floats(field, rows: range)
          if !admitsNonFinite, let place = numbers.firstIndex(where: { !Self.isMeasured($0) }) {
            throw DemonstrationError.notFinite(
              file: file.path, field: field.name, step: range.lowerBound + place / max(1, numbers.count / range.count))
          }
          return .bytes(of: numbers)
        case .classes(let starts):
          guard case .classes(let counts) = kind.kind else { preconditionFailure("classes are stored of '\(kind)'") }
          return .bytes(
            of: try file.integers(field, rows: range).enumerated().map { place, number in
              let classes = starts[place % counts.count]..<starts[place % counts.count] + counts[place % counts.count]
              guard classes.contains(Int(number)) else {
                throw DemonstrationError.classOutOfRange(
                  file: file.path, field: field.name, step: range.lowerBound + place / counts.count, found: Int(number),
                  classes: classes)
              }
              return Float(Int(number) - classes.lowerBound)
            })
        }
      })
  }

  /// The type in which each field is stored, in the order of the space's.
  func types() throws -> [String] {
    try observations.parts.map { try file.field("episode_0/\($0.field)").kind.name }
  }

  /// Pictures `[…, Y, X, C]` as `[…, C, Y, X]`, each of `shape`.
  private static func channelsFirst(_ pictures: [UInt8], _ shape: [Int]) -> [UInt8] {
    let (channels, pixels) = (shape[0], shape[1] * shape[2])
    return [UInt8](unsafeUninitializedCapacity: pictures.count) { buffer, initialized in
      pictures.withUnsafeBufferPointer { pictures in
        for start in stride(from: 0, to: pictures.count, by: channels * pixels) {
          for channel in 0..<channels {
            for pixel in 0..<pixels {
              buffer[start + channel * pixels + pixel] = pictures[start + pixel * channels + channel]
            }
          }
        }
      }
      initialized = pictures.count
    }
  }

  /// Whether a number that was seen is one, and so small that squares of differences do not overflow.
  static func isMeasured(_ number: Float) -> Bool { abs(number) < 1e18 }

  private func rewards(_ group: String) throws -> [Double] {
    let field = try file.field("\(group)/rewards")
    guard field.shape.count == 1 else {
      throw DemonstrationError.wrongShape(
        file: file.path, field: field.name, found: field.shape, expected: [field.shape.first ?? 1])
    }
    let rewards = try file.numbers(field)
    // Beyond any score, sums would overflow.
    if let step = rewards.firstIndex(where: { !(abs($0) < 1e100) }) {
      throw DemonstrationError.notFinite(file: file.path, field: field.name, step: step)
    }
    return rewards
  }

  private func actions(_ group: String, _ length: Int) throws -> [Action] {
    var taken = [Action](repeating: Action(), count: length)
    for (kind, part) in zip(actions.space.parts, actions.parts) {
      let field = try file.field("\(group)/\(part.field)")
      // Some recorders keep an axis of one.
      guard field.shape == [length] + part.shape || part.shape.isEmpty && field.shape == [length, 1] else {
        if case .classes(let counts, _) = kind.kind, counts.count == 1, field.shape == [length, counts[0]] {
          throw DemonstrationError.oneHotActions(file: file.path, field: field.name, count: counts[0])
        }
        throw DemonstrationError.wrongShape(
          file: file.path, field: field.name, found: field.shape, expected: [length] + part.shape)
      }
      switch kind.kind {
      case .classes(let counts, let starts):
        for (place, number) in try file.integers(field).enumerated() {
          let (step, group) = place.quotientAndRemainder(dividingBy: counts.count)
          let range = starts[group]..<starts[group] + counts[group]
          guard range.contains(Int(number)) else {
            throw DemonstrationError.actionOutOfRange(
              file: file.path, field: field.name, step: step, action: Int(number), actions: range)
          }
          taken[step].classes.append(Int(number) - range.lowerBound)
        }
      case .box(let low, _):
        for (place, number) in try file.floats(field, rows: 0..<length).enumerated() {
          guard Self.isMeasured(number) else {
            throw DemonstrationError.notFinite(file: file.path, field: field.name, step: place / low.count)
          }
          taken[place / low.count].numbers.append(number)
        }
      }
    }
    return taken
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

  private func checkNumbers(_ name: String, _ shape: [Int]) throws {
    let field = try file.field(name)
    guard field.shape == shape else {
      throw DemonstrationError.wrongShape(file: file.path, field: name, found: field.shape, expected: shape)
    }
  }

  private func checkPixels(_ name: String, _ shape: [Int]) throws {
    let field = try file.field(name)
    guard field.kind != .variableLength else { throw DemonstrationError.lossyFrames(file: file.path, field: name) }
    guard field.kind == .byte else {
      throw DemonstrationError.wrongType(file: file.path, field: name, found: field.kind.name, expected: "uint8")
    }
    // Encodings that happen to be equally long make a matrix.
    if field.shape.count == 2, field.shape[0] > 0, field.shape[1] >= 3,
      try file.bytes(field, rows: 0..<1).starts(with: Self.jpegStart)
    {
      throw DemonstrationError.lossyFrames(file: file.path, field: name)
    }
    guard field.shape == shape else {
      throw DemonstrationError.wrongShape(file: file.path, field: name, found: field.shape, expected: shape)
    }
  }
}
