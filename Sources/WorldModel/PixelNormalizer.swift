import Configuration
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

  /// Of the statistics in a file.
  /// - Throws: `TorchError` where it has none of such frames.
  public convenience init(from file: Safetensors, prefix: String, _ frame: FrameShape, on device: Device) throws {
    let blank = [Float](repeating: 1, count: frame.dimensions.reduce(1, *))
    self.init(mean: blank, deviation: blank, frame, on: device)
    try load(from: file, prefix: prefix)
  }

  /// Raw `uint8` frames `[…, C, Y, X]` to float32 of the same shape.
  public func callAsFunction(_ frames: Tensor) -> Tensor { (frames.to(.float32) - mean) / deviation }

  /// Normalised frames to raw pixels 0…255.
  public func pixels(_ frames: Tensor) -> Tensor { (frames.to(.float32) * deviation + mean).clamped(0, 255) }
}
