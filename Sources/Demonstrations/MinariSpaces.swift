import Foundation
import Spaces

/// A space of Gymnasium as Minari writes it.
struct SpaceDescription: Decodable {
  let type: String
  let dtype: String?
  let shape: [Int]?
  let start: Int?
  let n: Count?
  /// Bounds, of boxes of one axis; those of pictures are long and known.
  let low, high: [Double]?
  let subspaces: [String: SpaceDescription]?

  /// A number for `Discrete`, possibly a list for `MultiBinary`.
  enum Count: Decodable {
    case one(Int)
    case several

    init(from decoder: any Decoder) throws {
      self = (try? decoder.singleValueContainer().decode(Int.self)).map(Count.one) ?? .several
    }
  }

  private enum Keys: CodingKey { case type, dtype, shape, start, n, low, high, subspaces }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Keys.self)
    type = try values.decode(String.self, forKey: .type)
    dtype = try values.decodeIfPresent(String.self, forKey: .dtype)
    shape = try values.decodeIfPresent([Int].self, forKey: .shape)
    start = try values.decodeIfPresent(Int.self, forKey: .start)
    n = try values.decodeIfPresent(Count.self, forKey: .n)
    let isVector = type == "Box" && shape?.count == 1
    low = isVector ? try values.decodeIfPresent([Double].self, forKey: .low) : nil
    high = isVector ? try values.decodeIfPresent([Double].self, forKey: .high) : nil
    subspaces = type == "Dict" ? try values.decodeIfPresent([String: SpaceDescription].self, forKey: .subspaces) : nil
  }

  var summary: String {
    if let subspaces { return "Dict of \(subspaces.sorted { $0.key < $1.key }.map { "'\($0.key)' (\($0.value.summary))" }.joined(separator: ", "))" }
    let size = if case .one(let n) = n { "of \(n)" } else { shape.map { "\($0)" } }
    return [type, dtype, size].compactMap { $0 }.joined(separator: " ")
  }

  fileprivate var isVector: Bool { type == "Box" && ["float32", "float64"].contains(dtype) && shape?.count == 1 && shape![0] > 0 }
}

/// Where a dataset's file has what is seen: pixels, a vector, or both in a group.
struct StoredObservations {
  let space: ObservationSpace
  /// Below an episode's group; the shape of a frame's pixels is `[Y, X, 1]`, `[1, Y, X]` or `[Y, X]`, which are the same bytes in the same order.
  let pixels: (field: String, shape: [Int])?
  let vector: String?

  private static let field = "observations"

  init(_ space: ObservationSpace) {
    self.space = space
    let both = space.pixelCount > 0 && space.vector > 0
    pixels = space.pixelCount == 0 ? nil : (Self.field + (both ? "/pixels" : ""), space.pixelShape)
    vector = space.vector == 0 ? nil : Self.field + (both ? "/vector" : "")
  }

  /// - Throws: `unsupportedObservations`.
  init(_ described: SpaceDescription, file: String) throws {
    let unsupported = DemonstrationError.unsupportedObservations(file: file, found: described.summary)
    let parts: [(field: String, space: SpaceDescription)] =
      described.subspaces?.map { ("\(Self.field)/\($0.key)", $0.value) } ?? [(Self.field, described)]
    let (vectors, pictures) = (parts.filter { $0.space.isVector }, parts.filter { !$0.space.isVector })
    guard !parts.isEmpty, vectors.count <= 1, pictures.count <= 1 else { throw unsupported }
    vector = vectors.first?.field
    let length = vectors.first?.space.shape![0] ?? 0
    guard let picture = pictures.first else {
      (space, pixels) = (ObservationSpace(vector: length), nil)
      guard space.isSupported else { throw unsupported }
      return
    }
    guard picture.space.type == "Box", picture.space.dtype == "uint8", let shape = picture.space.shape else { throw unsupported }
    let (height, width) =
      switch shape.count {
      case 2: (shape[0], shape[1])
      case 3 where shape[2] == 1: (shape[0], shape[1])
      case 3 where shape[0] == 1: (shape[1], shape[2])
      default: throw unsupported
      }
    space = ObservationSpace(height: height, width: width, vector: length)
    pixels = (picture.field, shape)
    guard space.isSupported else { throw unsupported }
  }

  /// The space as Minari's metadata have it, bounds included.
  var json: String {
    let nested = { (value: Int) in
      space.pixelShape.reversed().reduce("\(value)") { inner, count in "[" + repeatElement(inner, count: count).joined(separator: ", ") + "]" }
    }
    let picture = #"{"type": "Box", "dtype": "uint8", "shape": \#(space.pixelShape), "low": \#(nested(0)), "high": \#(nested(255))}"#
    let bound = { (value: String) in "[" + repeatElement(value, count: space.vector).joined(separator: ", ") + "]" }
    let numbers = #"{"type": "Box", "dtype": "float32", "shape": [\#(space.vector)], "low": \#(bound("-Infinity")), "high": \#(bound("Infinity"))}"#
    return pixels == nil ? numbers : vector == nil ? picture : #"{"type": "Dict", "subspaces": {"pixels": \#(picture), "vector": \#(numbers)}}"#
  }
}

/// What a dataset's file calls its actions: discrete ones may begin at another number than 0.
struct StoredActions: Equatable {
  let space: ActionSpace
  let start: Int

  init(_ space: ActionSpace) { (self.space, start) = (space, 0) }

  /// - Throws: `unsupportedActions`.
  init(_ described: SpaceDescription, file: String) throws {
    let unsupported = { DemonstrationError.unsupportedActions(file: file, found: $0) }
    if described.isVector {
      guard let low = described.low, let high = described.high, low.count == described.shape![0], high.count == low.count,
        zip(low, high).allSatisfy({ $0.isFinite && $1.isFinite && $0 < $1 })
      else { throw unsupported("\(described.summary) without finite bounds") }
      (space, start) = (.box(low: low.map(Float.init), high: high.map(Float.init)), 0)
      guard space.isSupported else { throw unsupported("\(described.summary) with bounds that are too far apart, or too close, or too many numbers") }
      return
    }
    guard described.type == "Discrete", case .one(let count) = described.n, ActionSpace.discrete(count).isSupported else { throw unsupported(described.summary) }
    start = described.start ?? 0
    guard start.magnitude <= Int32.max else { throw unsupported("Discrete from \(start)") }
    space = .discrete(count)
  }

  var json: String {
    switch space {
    case .discrete(let count): #"{"type": "Discrete", "dtype": "int64", "start": \#(start), "n": \#(count)}"#
    case .box(let low, let high): #"{"type": "Box", "dtype": "float32", "shape": [\#(low.count)], "low": \#(low), "high": \#(high)}"#
    }
  }
}
