/// What of an environment's observations is learned from, and how its pictures are made of the recorded ones: the same
/// bytes while learning and acting.
public struct ObservationView: Sendable {
  /// What is recorded, and what an environment shows.
  public let recorded: ObservationSpace
  /// What is left of it.
  public let seen: ObservationSpace
  private let parts: [Part]
  /// Whether frames stay as they are.
  public let isIdentity: Bool

  /// A field that is kept.
  private struct Part {
    /// Its bytes in a recorded frame.
    let bytes: Range<Int>
    /// How a picture is changed; nil where the field stays as it is.
    let picture: Picture?
  }

  fileprivate struct Picture: Sendable {
    let channels, width: Int
    let rows, columns: Range<Int>
    let isGrey: Bool
    /// For each row and each column that it gets, the recorded ones that it covers, and which share of it each is; nil
    /// where it stays as large as it is.
    let shares: (down: [[Share]], across: [[Share]])?

    typealias Share = (place: Int, share: Float)
  }

  /// - Parameters:
  ///   - fields: names of those that are kept; empty for all.
  ///   - crop: the rows `top..<bottom` and columns `left..<right` of pictures that are kept, as `[top, bottom, left,
  ///     right]`; a bottom or right of 0 is the edge, empty is all.
  ///   - isGrey: whether pictures of three channels become one, their luma of ITU-R BT.601.
  ///   - resized: height and width that pictures get, by the mean over areas; empty as they are.
  /// - Throws: `ObservationViewError` in words, where the recorded fields have no such view.
  public init(
    of recorded: ObservationSpace, fields: [String] = [], crop: [Int] = [], isGrey: Bool = false, resized: [Int] = []
  ) throws {
    let names = recorded.fields.map(\.name)
    for name in fields where !names.contains(name) {
      throw ObservationViewError(
        description: "there is no field '\(name)'; there are \(names.map { "'\($0)'" }.joined(separator: ", "))")
    }
    var (parts, seen) = ([Part](), [ObservationSpace.Field]())
    for (index, field) in recorded.fields.enumerated() where fields.isEmpty || fields.contains(field.name) {
      let bytes = recorded.offset(of: index)..<recorded.offset(of: index) + field.size
      guard case .image(let channels, let height, let width) = field.kind, !crop.isEmpty || isGrey || !resized.isEmpty
      else {
        parts.append(Part(bytes: bytes, picture: nil))
        seen.append(field)
        continue
      }
      let edges = crop.isEmpty ? [0, 0, 0, 0] : crop
      let (bottom, right) = (edges[1] == 0 ? height : edges[1], edges[3] == 0 ? width : edges[3])
      guard 0 <= edges[0], edges[0] < bottom, bottom <= height, 0 <= edges[2], edges[2] < right, right <= width else {
        throw ObservationViewError(
          description: "the crop \(edges) does not fit '\(field.name)', \(height) rows of \(width) columns")
      }
      let becomesGrey = isGrey && channels == 3
      let (rows, columns) = (edges[0]..<bottom, edges[2]..<right)
      let size = resized.isEmpty ? [rows.count, columns.count] : resized
      let shares =
        size == [rows.count, columns.count]
        ? nil
        : (
          down: Picture.shares(from: rows.count, to: size[0]), across: Picture.shares(from: columns.count, to: size[1])
        )
      parts.append(
        Part(
          bytes: bytes,
          picture: Picture(
            channels: channels, width: width, rows: rows, columns: columns, isGrey: becomesGrey, shares: shares)))
      seen.append(.init(field.name, .image(channels: becomesGrey ? 1 : channels, height: size[0], width: size[1])))
    }
    (self.recorded, self.seen, self.parts) = (recorded, ObservationSpace(seen), parts)
    isIdentity = parts.count == recorded.fields.count && parts.allSatisfy { $0.picture == nil }
  }

  /// What is recorded, where that is not what is seen.
  public var changed: ObservationSpace? { isIdentity ? nil : recorded }

  /// Frames as they are learned from, of recorded ones, one after the other.
  public func frames(of raw: [UInt8]) -> [UInt8] {
    guard !isIdentity else { return raw }
    var frames: [UInt8] = []
    frames.reserveCapacity(raw.count / recorded.frameSize * seen.frameSize)
    for start in stride(from: 0, to: raw.count, by: recorded.frameSize) {
      for part in parts {
        let bytes = raw[start + part.bytes.lowerBound..<start + part.bytes.upperBound]
        if let picture = part.picture { frames += picture.changed(Array(bytes)) } else { frames += bytes }
      }
    }
    return frames
  }
}

/// Why there is no such view, in words.
public struct ObservationViewError: Error, Equatable, CustomStringConvertible {
  public let description: String
  public init(description: String) { self.description = description }
}

extension ObservationView.Picture {
  /// `[C, Y, X]` cropped, grey, resized.
  func changed(_ pixels: [UInt8]) -> [UInt8] {
    let plane = pixels.count / channels
    var planes = (0..<channels).map { channel in
      rows.flatMap { row in columns.map { Float(pixels[channel * plane + row * width + $0]) } }
    }
    if isGrey {
      planes = [
        planes[0].indices.map {
          (0.299 * planes[0][$0] + 0.587 * planes[1][$0] + 0.114 * planes[2][$0]).rounded(.toNearestOrEven)
        }
      ]
    }
    guard let (down, across) = shares else { return planes.flatMap { $0.map { UInt8($0) } } }
    return planes.flatMap { plane -> [UInt8] in
      var narrow = [Float](repeating: 0, count: rows.count * across.count)
      for row in 0..<rows.count {
        for (x, shares) in across.enumerated() {
          var sum: Float = 0
          for (place, share) in shares { sum += share * plane[row * columns.count + place] }
          narrow[row * across.count + x] = sum
        }
      }
      return down.flatMap { shares in
        across.indices.map { x in
          var sum: Float = 0
          for (place, share) in shares { sum += share * narrow[place * across.count + x] }
          return UInt8(min(255, max(0, sum.rounded(.toNearestOrEven))))
        }
      }
    }
  }

  /// For each of `count` pixels the recorded ones that it covers, and which share of it each is.
  static func shares(from recorded: Int, to count: Int) -> [[Share]] {
    let width = Double(recorded) / Double(count)
    return (0..<count).map { pixel in
      let (start, end) = (Double(pixel) * width, Double(pixel + 1) * width)
      return (Int(start)..<min(recorded, Int(end.rounded(.up)))).map { place in
        (place, Float((min(end, Double(place + 1)) - max(start, Double(place))) / width))
      }
    }
  }
}
