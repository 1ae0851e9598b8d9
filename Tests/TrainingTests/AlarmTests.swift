import Foundation
import Spaces
import Testing

@testable import Training

@Suite struct AlarmTests {
  @Test func aPolicyHasNoEntropyWhereItNearlyAlwaysDoesTheSame() {
    let three = Alarm.entropy(of: .discrete(3)).isReached
    let entropy = { (p: [Double]) in -p.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) } }
    #expect(
      three(0) && three(entropy([0.999, 0.0005, 0.0005])) && !three(entropy([0.99, 0.005, 0.005])) && !three(log(3)))
    // Of uniform numbers in two dimensions it is 2 log 2; of normal ones with a deviation of a hundredth below −6.
    let box = Alarm.entropy(of: .box(low: [-1, -1], high: [1, 1])).isReached
    let normal = { (deviation: Double) in 2 * log(deviation * (2 * .pi * exp(1)).squareRoot()) }
    #expect(box(normal(0.009)) && !box(normal(0.05)) && !box(2 * log(2)))
  }

  @Test func aPosteriorSaysNothingWhereItIsThePrior() {
    #expect(Alarm.posterior.isReached(0.02) && !Alarm.posterior.isReached(0.5) && Alarm.posterior.after > 0)
    #expect(Alarm.discriminator.isReached(1) && !Alarm.discriminator.isReached(0))
  }
}
