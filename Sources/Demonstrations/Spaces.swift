import Foundation

/// The frames of a dataset, `uint8` pixels `[C, Y, X]`.
public struct ObservationSpace: Hashable, Codable, Sendable, CustomStringConvertible {
  public let channels: Int
  /// In pixels.
  public let height: Int
  /// In pixels.
  public let width: Int

  public init(channels: Int = 1, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// `[C, Y, X]`.
  public var shape: [Int] { [channels, height, width] }
  /// Bytes per frame.
  public var frameSize: Int { channels * height * width }
  public var description: String { "\(channels)×\(height)×\(width) uint8" }

  /// Whether the package's networks take such frames.
  var isSupported: Bool { channels == 1 && height == width && (height == 64 || height == 32) }
}

/// A space of Gymnasium as Minari writes it, without the bounds.
struct SpaceDescription: Decodable {
  let type: String
  let dtype: String?
  let shape: [Int]?
  let start: Int?
  let n: Count?

  /// A number for `Discrete`, possibly a list for `MultiBinary`.
  enum Count: Decodable {
    case one(Int)
    case several

    init(from decoder: any Decoder) throws {
      self = (try? decoder.singleValueContainer().decode(Int.self)).map(Count.one) ?? .several
    }
  }

  var summary: String {
    let size = if case .one(let n) = n { "of \(n)" } else { shape.map { "\($0)" } }
    return [type, dtype, size].compactMap { $0 }.joined(separator: " ")
  }
}

extension ObservationSpace {
  /// Grey frames in one of the three layouts, which are the same bytes in the same order.
  init(_ space: SpaceDescription, file: String) throws {
    guard space.type == "Box", space.dtype == "uint8", let shape = space.shape else {
      throw DemonstrationError.unsupportedObservations(file: file, found: space.summary)
    }
    let (height, width) =
      switch shape.count {
      case 2: (shape[0], shape[1])
      case 3 where shape[2] == 1: (shape[0], shape[1])
      case 3 where shape[0] == 1: (shape[1], shape[2])
      default: (0, 0)
      }
    self.init(height: height, width: width)
    guard isSupported else { throw DemonstrationError.unsupportedObservations(file: file, found: space.summary) }
  }

  /// The space as Minari's metadata have it, bounds included.
  var json: String {
    let nested = { (value: Int) in
      shape.reversed().reduce("\(value)") { inner, count in "[" + repeatElement(inner, count: count).joined(separator: ", ") + "]" }
    }
    return #"{"type": "Box", "dtype": "uint8", "shape": \#(shape), "low": \#(nested(0)), "high": \#(nested(255))}"#
  }
}

/// Discrete actions `start..<start + count`, which everything but a file counts from 0.
struct ActionSpace: Equatable {
  let start: Int
  let count: Int

  init(start: Int = 0, count: Int) {
    self.start = start
    self.count = count
  }

  init(_ space: SpaceDescription, file: String) throws {
    guard space.type == "Discrete", case .one(let count) = space.n, (1...Int(Int32.max)).contains(count) else {
      throw DemonstrationError.unsupportedActions(file: file, found: space.summary)
    }
    let start = space.start ?? 0
    guard start.magnitude <= Int32.max else { throw DemonstrationError.unsupportedActions(file: file, found: "Discrete from \(start)") }
    self.init(start: start, count: count)
  }

  var range: Range<Int> { start..<start + count }
  var json: String { #"{"type": "Discrete", "dtype": "int64", "start": \#(start), "n": \#(count)}"# }
}
