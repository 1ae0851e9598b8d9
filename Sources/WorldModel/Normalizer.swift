import Configuration
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

/// Raw frames to what networks take.
public final class Normalizer: Module {
  public let pixels: PixelNormalizer?
  public let vector: VectorNormalizer?

  public init(pixels: PixelNormalizer?, vector: VectorNormalizer? = nil) { (self.pixels, self.vector) = (pixels, vector) }

  /// Of the statistics in a file, as `pixels.*` and `vector.*`.
  /// - Throws: `TorchError` where it has none of such frames.
  public convenience init(from file: Safetensors, _ space: ObservationSpace, on device: Device) throws {
    let ones = { (count: Int) in [Float](repeating: 1, count: count) }
    self.init(
      pixels: space.frame.map { PixelNormalizer(mean: ones(space.pixelCount), deviation: ones(space.pixelCount), $0, on: device) },
      vector: space.vector == 0 ? nil : VectorNormalizer(mean: ones(space.vector), deviation: ones(space.vector), on: device))
    try load(from: file, prefix: "")
  }

  /// Frames of `space`, one after the other, under leading axes such as `[T, B]`.
  public func callAsFunction(_ frames: UnsafeRawBufferPointer, _ space: ObservationSpace, _ leading: [Int], on device: Device) -> Observed {
    guard space.vector > 0 else {
      return Observed(frames: pixels!(Tensor(bytes: frames, leading + space.pixelShape, .uint8, on: device)))
    }
    let parts = space.parts(of: frames)
    return Observed(
      frames: pixels.map { $0(Tensor(parts.pixels, leading + space.pixelShape, on: device)) },
      vector: vector.map { $0(Tensor(parts.vectors, leading + [space.vector], on: device)) })
  }

  public func callAsFunction(_ frames: [UInt8], _ space: ObservationSpace, _ leading: [Int], on device: Device) -> Observed {
    frames.withUnsafeBytes { self($0, space, leading, on: device) }
  }
}

/// What is seen, as networks take it, under leading axes such as `[T, B]`; also what a decoder makes of states, the means of both.
public struct Observed {
  /// Normalised, `[…, C, Y, X]`.
  public let frames: Tensor?
  /// Normalised, `[…, V]`.
  public let vector: Tensor?

  public init(frames: Tensor?, vector: Tensor? = nil) { (self.frames, self.vector) = (frames, vector) }

  public func map(_ change: (Tensor) -> Tensor) -> Observed { Observed(frames: frames.map(change), vector: vector.map(change)) }

  /// The leading `count` axes made one, and one split into `sizes`.
  public func flattened(first count: Int) -> Observed { map { $0.flattened(first: count) } }
  public func unflattened(_ sizes: [Int]) -> Observed { map { $0.unflattened(sizes) } }
  /// Along the first axis.
  public subscript(_ index: Int) -> Observed { map { $0[index] } }
  public subscript(_ range: Range<Int>) -> Observed { map { $0.sliced(range) } }
}
