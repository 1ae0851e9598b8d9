import Demonstrations
import Settings
import Torch

/// How pixels are normalised.
public struct PixelConfiguration: Configuration {
  public var scaling = PixelScaling.perPixel
  /// Least deviation of a pixel, as a share of the deviation of all pixels together.
  public var floor = 0.1

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.require(floor > 0, "floor", "is \(floor), must be above 0")
  }
}

/// The sequences of a gradient step.
public struct SequenceConfiguration: Configuration {
  /// Sequences per gradient step, `B_wm`.
  public var batch = 16
  /// Frames per sequence, `L`.
  public var length = 32
  /// Where sequences start, and with which state.
  public var sampling = SequenceSampling.episodes
  /// Share of the episodes that are held out to validate on.
  public var validationShare = 0.05

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.require(batch, in: 1...65_536, "batch")
    problems.require(length, in: 2...1_000_000, "length")
    problems.require(
      validationShare >= 0 && validationShare < 1, "validationShare",
      "is \(validationShare), must be at least 0 and below 1")
  }
}
