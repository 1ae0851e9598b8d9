import Spaces
import Torch

/// How many means and deviations pixels are normalised with.
public enum PixelScaling: String, Codable, CaseIterable, Sendable {
  /// One of each for all pixels, as the paper's authors have it.
  case global
  /// One of each per pixel, so that small things on a still background weigh as much as large ones.
  case perPixel
}

/// `(pixel − mean) / deviation`, with the training data's own statistics.
public final class PixelNormalizer: Module {
  /// `[C, Y, X]`, in units of the raw pixel.
  let mean: Parameter
  let deviation: Parameter

  public init(mean: [Float], deviation: [Float], _ frame: FrameShape, on device: Device) {
    self.mean = Parameter(Tensor(mean, frame.dimensions, on: device))
    self.deviation = Parameter(Tensor(deviation, frame.dimensions, on: device))
    freeze()
  }

  /// Raw `uint8` frames `[…, C, Y, X]` to float32 of the same shape.
  public func callAsFunction(_ frames: Tensor) -> Tensor { (frames.to(.float32) - mean) / deviation }

  /// Normalised frames to raw pixels 0…255.
  public func pixels(_ frames: Tensor) -> Tensor { (frames.to(.float32) * deviation + mean).clamped(0, 255) }
}

/// `(number − mean) / deviation`, with the training data's own statistics, for each number of a vector.
public final class VectorNormalizer: Module {
  /// `[V]`.
  let mean: Parameter
  let deviation: Parameter

  public init(mean: [Float], deviation: [Float], on device: Device) {
    self.mean = Parameter(Tensor(mean, [mean.count], on: device))
    self.deviation = Parameter(Tensor(deviation, [mean.count], on: device))
    freeze()
  }

  /// `[…, V]`.
  public func callAsFunction(_ vector: Tensor) -> Tensor { (vector - mean) / deviation }
}

/// How a field is made what networks take.
public enum FieldNormalizer {
  case image(PixelNormalizer)
  case vector(VectorNormalizer)
  /// One-hot classes of each group, which need no statistics.
  case classes([Int])
}

/// Raw frames to what networks take, field by field.
public final class Normalizer: NamedParts {
  public let space: ObservationSpace
  public let fields: [FieldNormalizer]

  /// - Parameter fields: in the order of the space's.
  public init(_ space: ObservationSpace, _ fields: [FieldNormalizer]) { (self.space, self.fields) = (space, fields) }

  /// With the same statistics for all pixels and numbers; without any, these stay as they are.
  public convenience init(_ space: ObservationSpace, mean: Float = 0, deviation: Float = 1, on device: Device) {
    self.init(
      space,
      space.fields.map { field in
        let all = { [Float](repeating: $0, count: field.shape.reduce(1, *)) }
        return switch field.kind {
        case .image:
          .image(PixelNormalizer(mean: all(mean), deviation: all(deviation), field.frame!, on: device))
        case .vector: .vector(VectorNormalizer(mean: all(mean), deviation: all(deviation), on: device))
        case .classes(let counts): .classes(counts)
        }
      })
  }

  /// Of the statistics in a file.
  /// - Throws: `TorchError` where it has none of such frames.
  public convenience init(from file: Safetensors, _ space: ObservationSpace, on device: Device) throws {
    self.init(space, on: device)
    try load(from: file)
  }

  public var namedParts: [(name: String, part: any Module)] {
    space.keys(image: "pixels", vector: "vector").enumerated().compactMap { index, key in
      switch fields[index] {
      case .image(let pixels): (key, pixels)
      case .vector(let vector): (key, vector)
      case .classes: nil
      }
    }
  }

  /// Frames of the space, one after the other, under leading axes such as `[T, B]`.
  public func callAsFunction(_ frames: UnsafeRawBufferPointer, _ leading: [Int], on device: Device) -> Observation {
    Observation(
      space,
      fields.enumerated().map { index, normalizer in
        let shape = leading + space.fields[index].shape
        switch normalizer {
        case .image(let pixels):
          guard space.fields.count > 1 else { return pixels(Tensor(bytes: frames, shape, .uint8, on: device)) }
          return pixels(Tensor(space.bytes(of: index, in: frames), shape, on: device))
        case .vector(let vector): return vector(Tensor(space.numbers(of: index, in: frames), shape, on: device))
        case .classes(let counts):
          let classes = Tensor(space.numbers(of: index, in: frames), leading + [counts.count], on: device).to(.int64)
          return concatenated(
            counts.enumerated().map { group, count in
              classes.sliced(group..<group + 1, axis: leading.count).reshaped(leading).oneHot(count).to(.float32)
            }, axis: -1)
        }
      })
  }

  public func callAsFunction(_ frames: [UInt8], _ leading: [Int], on device: Device) -> Observation {
    frames.withUnsafeBytes { self($0, leading, on: device) }
  }
}

extension ObservationSpace {
  /// What each field's parts are called in checkpoints: the first picture's and the first vector's have names of their
  /// own, the others theirs below `fields`.
  public func keys(image: String, vector: String) -> [String] {
    let first = (
      image: fields.firstIndex(where: \.isImage),
      vector: fields.firstIndex { if case .vector = $0.kind { true } else { false } }
    )
    return fields.enumerated().map { index, field in
      index == first.image ? image : index == first.vector ? vector : "fields.\(field.name)"
    }
  }
}

/// What is seen, as networks take it, field by field and under leading axes such as `[T, B]`; also what a decoder makes
/// of states, the means of pictures and vectors and the unnormalised log-probabilities of classes.
public struct Observation {
  public let space: ObservationSpace
  /// Normalised, `[…, C, Y, X]` of pictures, `[…, V]` of others.
  public let fields: [Tensor]

  public init(_ space: ObservationSpace, _ fields: [Tensor]) { (self.space, self.fields) = (space, fields) }

  /// Of the first picture; nil where there is none.
  public var image: Tensor? { space.images.first.map { fields[$0] } }

  public func map(_ change: (Tensor) -> Tensor) -> Observation { Observation(space, fields.map(change)) }

  /// The leading `count` axes made one, and one split into `sizes`.
  public func flattened(first count: Int) -> Observation { map { $0.flattened(first: count) } }
  public func unflattened(_ sizes: [Int]) -> Observation { map { $0.unflattened(sizes) } }
  /// Along the first axis.
  public subscript(_ index: Int) -> Observation { map { $0[index] } }
  public subscript(_ range: Range<Int>) -> Observation { map { $0.sliced(range) } }

  /// What was seen, or a mean of it, as if a decoder had said it.
  public var asDecoded: Observation {
    Observation(
      space,
      zip(space.fields, fields).map { field, seen in
        if case .classes = field.kind { log(seen.clamped(1e-6, 1)) } else { seen }
      })
  }
}
