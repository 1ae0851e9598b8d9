/// What is seen at one step: fields, each a picture, a vector of numbers, or classes.
///
/// In memory it is bytes, called a frame: one field after the other, a picture's pixels as `uint8` `[C, Y, X]`, row by
/// row, and the numbers of a vector and the indices of classes as little-endian `float32`.
public struct ObservationSpace: Hashable, Sendable {
  /// A part of what is seen.
  public struct Field: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
      /// `uint8` pixels `[C, Y, X]`.
      case image(channels: Int, height: Int, width: Int)
      /// So many numbers.
      case vector(Int)
      /// One class of each of several groups: how many classes each has.
      case classes([Int])
    }

    /// Below an observation's `Dict` or `Tuple`, with slashes between their levels; `observation` where there is
    /// nothing else.
    public let name: String
    public let kind: Kind

    public init(_ name: String, _ kind: Kind) { (self.name, self.kind) = (name, kind) }

    /// What networks take of it: `[C, Y, X]` of a picture, `[V]` of a vector, and as many as there are classes,
    /// one-hot.
    public var shape: [Int] {
      switch kind {
      case .image(let channels, let height, let width): [channels, height, width]
      case .vector(let count): [count]
      case .classes(let counts): [counts.reduce(0, +)]
      }
    }
    /// Bytes in a frame.
    public var size: Int {
      switch kind {
      case .image(let channels, let height, let width): channels * height * width
      case .vector(let count): count * MemoryLayout<Float>.size
      case .classes(let counts): counts.count * MemoryLayout<Float>.size
      }
    }
    public var isImage: Bool { if case .image = kind { true } else { false } }
  }

  public let fields: [Field]

  /// The name of a field that is alone.
  public static let single = "observation"

  public init(_ fields: [Field]) { self.fields = fields }

  /// Whether one field is all that is seen, and nobody gave it a name.
  public var isSingle: Bool { fields.count == 1 && fields[0].name == Self.single }

  /// One picture, and a vector beside it where `vector` is not 0.
  public init(channels: Int = 1, height: Int, width: Int, vector: Int = 0) {
    let image = Field.Kind.image(channels: channels, height: height, width: width)
    fields =
      vector == 0 ? [Field(Self.single, image)] : [Field(Self.pair[0], image), Field(Self.pair[1], .vector(vector))]
  }

  /// A vector alone.
  public init(vector: Int) { fields = [Field(Self.single, .vector(vector))] }

  /// Whether there are networks for such frames. What a file says has to be asked so before anything is computed of it:
  /// its numbers may be of any size.
  public var isSupported: Bool {
    (1...Self.mostFields).contains(fields.count) && Set(fields.map(\.name)).count == fields.count
      && fields.allSatisfy { field in
        switch field.kind {
        case .image(let channels, let height, let width):
          (1...Self.mostChannels).contains(channels) && Self.sides.contains(height) && Self.sides.contains(width)
        case .vector(let count): (1...Self.largestVector).contains(count)
        case .classes(let counts):
          !counts.isEmpty && counts.count <= Self.largestVector
            && counts.allSatisfy { (1...Self.largestVector).contains($0) }
            && counts.reduce(0, +) <= Self.largestVector
        }
      }
  }

  /// Pixels that a picture may have from side to side.
  public static let sides = 4...256
  static let mostChannels = 64
  static let mostFields = 64
  /// Numbers of a vector, or classes of a field, at most.
  public static let largestVector = 65_536

  /// Whether frames of both are the same bytes of the same things. Names count where both have some that somebody gave:
  /// versions before 0.2 kept none.
  public func fits(_ other: ObservationSpace) -> Bool {
    let names = [fields.map(\.name), other.fields.map(\.name)]
    return fields.map(\.kind) == other.fields.map(\.kind)
      && (names[0] == names[1] || names.contains { $0 == [Self.single] || $0 == Self.pair })
  }

  private static let pair = ["pixels", "vector"]

  /// Bytes of a frame.
  public var frameSize: Int { fields.reduce(0) { $0 + $1.size } }
  /// Bytes of a frame before a field's.
  public func offset(of field: Int) -> Int { fields[..<field].reduce(0) { $0 + $1.size } }
  /// Numbers that networks take of a frame.
  public var elementCount: Int { fields.reduce(0) { $0 + $1.shape.reduce(1, *) } }
  /// The places of pictures among the fields.
  public var images: [Int] { fields.indices.filter { fields[$0].isImage } }
}

extension ObservationSpace.Field: CustomStringConvertible {
  public var description: String {
    switch kind {
    case .image(let channels, let height, let width): "\(channels)×\(height)×\(width) uint8"
    case .vector(let count): "\(count) number\(count == 1 ? "" : "s")"
    case .classes(let counts):
      counts.count == 1
        ? "one of \(counts[0])" : "\(counts.count) classes of \(counts.map(String.init).joined(separator: ", "))"
    }
  }
}

extension ObservationSpace: CustomStringConvertible {
  public var description: String {
    isSingle ? "\(fields[0])" : fields.map { "\($0.name) \($0)" }.joined(separator: ", ")
  }
}

extension ObservationSpace.Field: Codable {
  private enum Keys: CodingKey { case name, image, vector, classes }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Keys.self)
    name = try values.decode(String.self, forKey: .name)
    if let shape = try values.decodeIfPresent([Int].self, forKey: .image) {
      guard shape.count == 3 else {
        throw DecodingError.dataCorruptedError(
          forKey: .image, in: values, debugDescription: "is not channels, height, width")
      }
      kind = .image(channels: shape[0], height: shape[1], width: shape[2])
    } else if let counts = try values.decodeIfPresent([Int].self, forKey: .classes) {
      kind = .classes(counts)
    } else {
      kind = .vector(try values.decode(Int.self, forKey: .vector))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Keys.self)
    try values.encode(name, forKey: .name)
    switch kind {
    case .image: try values.encode(shape, forKey: .image)
    case .vector(let count): try values.encode(count, forKey: .vector)
    case .classes(let counts): try values.encode(counts, forKey: .classes)
    }
  }
}

extension ObservationSpace: Codable {
  public init(from decoder: any Decoder) throws { fields = try decoder.singleValueContainer().decode([Field].self) }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.singleValueContainer()
    try values.encode(fields)
  }
}

extension [UInt8] {
  /// Numbers as frames and messages hold them.
  public static func bytes(of numbers: [Float]) -> [UInt8] {
    numbers.flatMap { number in Swift.withUnsafeBytes(of: number.bitPattern.littleEndian) { [UInt8]($0) } }
  }
}

extension ObservationSpace {
  /// Frames, one after the other, from their fields' bytes, each field's of all frames.
  public func frames(joining parts: [[UInt8]]) -> [UInt8] {
    guard fields.count > 1 else { return parts[0] }
    let count = parts[0].count / fields[0].size
    var frames: [UInt8] = []
    frames.reserveCapacity(count * frameSize)
    for frame in 0..<count {
      for (field, part) in zip(fields, parts) { frames += part[frame * field.size..<(frame + 1) * field.size] }
    }
    return frames
  }

  /// A field's bytes of frames, one after the other.
  public func bytes(of field: Int, in frames: UnsafeRawBufferPointer) -> [UInt8] {
    guard fields.count > 1 else { return [UInt8](frames) }
    let (size, offset) = (fields[field].size, offset(of: field))
    var bytes: [UInt8] = []
    bytes.reserveCapacity(frames.count / frameSize * size)
    for start in stride(from: offset, to: frames.count, by: frameSize) { bytes += frames[start..<start + size] }
    return bytes
  }

  /// The numbers of a vector, or the indices of classes, of frames one after the other.
  public func numbers(of field: Int, in frames: UnsafeRawBufferPointer) -> [Float] {
    let (count, offset) = (fields[field].size / MemoryLayout<Float>.size, offset(of: field))
    return stride(from: offset, to: frames.count, by: frameSize).flatMap { start in
      (0..<count).map {
        Float(bitPattern: UInt32(littleEndian: frames.loadUnaligned(fromByteOffset: start + 4 * $0, as: UInt32.self)))
      }
    }
  }

  /// The first of some frames, one after the other, that has a number that is not finite, or a class that there is not;
  /// nil where none has.
  public func firstWrong(in frames: [UInt8]) -> (frame: Int, field: Int)? {
    frames.withUnsafeBytes { bytes in
      for (index, field) in fields.enumerated() where !field.isImage {
        let (numbers, count) = (numbers(of: index, in: bytes), field.size / MemoryLayout<Float>.size)
        let isWrong = { (place: Int) in
          guard case .classes(let counts) = field.kind else { return !numbers[place].isFinite }
          return !(0..<Float(counts[place % count])).contains(numbers[place])
            || numbers[place].rounded() != numbers[place]
        }
        if let place = numbers.indices.first(where: isWrong) { return (place / count, index) }
      }
      return nil
    }
  }
}
