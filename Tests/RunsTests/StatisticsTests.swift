import Foundation
import Settings
import Testing

@testable import Runs

@Suite struct StatisticsTests {
  @Test func summaryOfKnownNumbers() {
    let summary = Summary(of: [1, 2, 3, 4, 5], seed: Seed(0))
    #expect(summary.count == 5 && summary.mean == 3)
    #expect(abs(summary.standardError! - 0.5.squareRoot()) < 1e-12)
    // The exact bootstrap distribution of this mean has these quantiles.
    #expect(abs(summary.low! - 1.8) < 0.21 && abs(summary.high! - 4.2) < 0.21)
    #expect(Summary(of: [1, 2, 3, 4, 5], seed: Seed(0)) == summary)
    #expect(Summary(of: [2], seed: Seed(0)) == Summary(of: [2], seed: Seed(1)))
    #expect([Summary(of: [2], seed: Seed(0))].allSatisfy { $0.standardError == nil && $0.low == nil && $0.high == nil })
  }

  @Test func theIntervalCoversTheMeanAsOftenAsItSays() {
    var generator = Seed(3).generator
    let covered = (0..<20).filter { index in
      let samples = (0..<20).map { _ in Double.random(in: 0..<1, using: &generator) }
      let summary = Summary(of: samples, seed: Seed(UInt64(index)))
      return summary.low! <= 0.5 && 0.5 <= summary.high!
    }.count
    #expect(covered >= 16)
  }

  /// Expected value: by the formula, with the incomplete beta function of mpmath 1.3.
  @Test func welchTestMatchesKnownValues() throws {
    let a = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]
    let b = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 24.8]
    #expect(abs(try #require(welchTest(a, b)) - 0.00765611367796228) < 1e-12)
    #expect(welchTest([1, 2], [1]) == nil)
    #expect(welchTest([1, 1], [1, 1]) == nil && welchTest([1, 1], [2, 2]) == nil)
    #expect(try #require(welchTest([1, 1], [2, 2.1])) < 0.1)
  }

  @Test func incompleteBetaMatchesClosedForms() {
    #expect(abs(incompleteBeta(0.3, 1, 1) - 0.3) < 1e-14)
    #expect(abs(incompleteBeta(0.3, 2, 1) - 0.09) < 1e-14)
    #expect(abs(incompleteBeta(0.9, 0.5, 0.5) - 2 / Double.pi * asin(0.9.squareRoot())) < 1e-13)
  }

  @Test func quantilesInterpolate() {
    #expect(quantile(0.25, ofSorted: [0, 10]) == 2.5)
    #expect(quantile(1, ofSorted: [0, 10, 30]) == 30)
  }
}

@Test func tablesAlign() {
  let table = TextTable(
    columns: ["method", "return", "note"], rows: [["DITTO", "274 ± 13", ""], ["BC", "9", "pixels"]])
  #expect(
    "\(table)" == """
      method    return  note
      ------  --------  ------
      DITTO   274 ± 13
      BC             9  pixels
      """)
}
