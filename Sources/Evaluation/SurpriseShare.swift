import Foundation
import Imitation

/// In how many of an evaluation's steps an agent's world model was more surprised than recordings hardly ever surprised
/// it.
public struct SurpriseShare: Codable, Equatable, Sendable {
  public let steps: Int
  /// By what was seen, where that is pixels, and by the divergence of the posterior from the prior.
  public let image: Double?
  public let divergence: Double

  /// Nil where nothing was counted.
  init?(_ counts: SurpriseCounts) {
    guard counts.steps > 0 else { return nil }
    (steps, divergence) = (counts.steps, Double(counts.divergence) / Double(counts.steps))
    image = counts.image.map { Double($0) / Double(counts.steps) }
  }
}

extension SurpriseShare: CustomStringConvertible {
  public var description: String {
    let percent = { (share: Double) in String(format: "%.0f %%", 100 * share) }
    let seen = image.map { "in \(percent($0)) of the steps by what it saw, " } ?? ""
    return
      "the world model was surprised \(seen)in \(percent(divergence)) by how it went on (of its recordings: in 5 %)"
  }
}
