/// How much a frame surprises a world model.
public struct Surprise: Codable, Equatable, Sendable {
  /// The loss of the frame's image, where there are pixels.
  public let image: Double?
  /// KL(posterior ‖ prior) in nats.
  public let divergence: Double

  public init(image: Double?, divergence: Double) { (self.image, self.divergence) = (image, divergence) }
}

/// Steps whose surprise was beyond bounds.
public struct SurpriseCounts: Sendable {
  public private(set) var steps = 0
  /// Nil where there are no bounds of images.
  public private(set) var image: Int?
  public private(set) var divergence = 0

  mutating func count(_ found: Surprise, beyond bounds: Surprise) {
    steps += 1
    if found.divergence > bounds.divergence { divergence += 1 }
    if let loss = found.image, let bound = bounds.image { image = (image ?? 0) + (loss > bound ? 1 : 0) }
  }
}
