import Settings
import Spaces

/// What of recorded observations is learned from, and how its pictures are made.
public struct ObservationConfiguration: Configuration {
  /// Names of the fields that are kept, as `ditto data info` shows them; empty for all.
  public var fields: [String] = []
  /// The rows and columns of pictures that are kept, `[top, bottom, left, right]` in recorded pixels; a bottom or right
  /// of 0 is the edge. Empty for all.
  public var crop: [Int] = []
  /// Whether pictures of three channels become grey.
  public var grey = false
  /// Height and width that pictures get, after that; empty as they are.
  public var resize: [Int] = []

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.require(Set(fields).count == fields.count, "fields", "names a field twice")
    problems.require(
      [0, 4].contains(crop.count) && crop.allSatisfy { (0...1 << 20).contains($0) }, "crop",
      "is \(crop), must be [top, bottom, left, right] in pixels, or []")
    let sides = ObservationSpace.sides
    problems.require(
      [0, 2].contains(resize.count) && resize.allSatisfy(sides.contains), "resize",
      "is \(resize), must be [height, width] of \(sides.lowerBound) to \(sides.upperBound) pixels each, or []")
  }

  /// - Throws: `DemonstrationError.noSuchView`.
  public func view(of recorded: ObservationSpace, in dataset: String) throws -> ObservationView {
    do { return try ObservationView(of: recorded, fields: fields, crop: crop, isGrey: grey, resized: resize) } catch let
      error as ObservationViewError
    {
      throw DemonstrationError.noSuchView(dataset: dataset, reason: error.description)
    }
  }
}
