import CTorch

// Element by element, with broadcasting.

public func + (a: Tensor, b: Tensor) -> Tensor { call("add", a, b) { ct_add(a.handle, b.handle, $0) } }
public func - (a: Tensor, b: Tensor) -> Tensor { call("subtract", a, b) { ct_sub(a.handle, b.handle, $0) } }
public func * (a: Tensor, b: Tensor) -> Tensor { call("multiply", a, b) { ct_mul(a.handle, b.handle, $0) } }
public func / (a: Tensor, b: Tensor) -> Tensor { call("divide", a, b) { ct_div(a.handle, b.handle, $0) } }
public prefix func - (a: Tensor) -> Tensor { call("negate", a) { ct_neg(a.handle, $0) } }

public func + (a: Tensor, b: Double) -> Tensor { call("add \(b)", a) { ct_add_number(a.handle, b, $0) } }
public func + (a: Double, b: Tensor) -> Tensor { b + a }
public func - (a: Tensor, b: Double) -> Tensor { a + -b }
public func - (a: Double, b: Tensor) -> Tensor { -b + a }
public func * (a: Tensor, b: Double) -> Tensor { call("multiply by \(b)", a) { ct_mul_number(a.handle, b, $0) } }
public func * (a: Double, b: Tensor) -> Tensor { b * a }
public func / (a: Tensor, b: Double) -> Tensor { a * (1 / b) }

public func maximum(_ a: Tensor, _ b: Tensor) -> Tensor { call("maximum", a, b) { ct_maximum(a.handle, b.handle, $0) } }
public func minimum(_ a: Tensor, _ b: Tensor) -> Tensor { -maximum(-a, -b) }

public func exp(_ a: Tensor) -> Tensor { call("exp", a) { ct_exp(a.handle, $0) } }
public func log(_ a: Tensor) -> Tensor { call("log", a) { ct_log(a.handle, $0) } }
public func tanh(_ a: Tensor) -> Tensor { call("tanh", a) { ct_tanh(a.handle, $0) } }
public func sigmoid(_ a: Tensor) -> Tensor { call("sigmoid", a) { ct_sigmoid(a.handle, $0) } }
/// `log(1 + eᵃ)`, exact for large `a` too.
public func softplus(_ a: Tensor) -> Tensor { call("softplus", a) { ct_softplus(a.handle, $0) } }
public func elu(_ a: Tensor) -> Tensor { call("elu", a) { ct_elu(a.handle, $0) } }

extension Tensor {
  public func squared() -> Tensor { call("square", self) { ct_square(handle, $0) } }
  public func squareRoot() -> Tensor { call("sqrt", self) { ct_sqrt(handle, $0) } }
  public func abs() -> Tensor { call("abs", self) { ct_abs(handle, $0) } }
  public func clamped(_ low: Double, _ high: Double) -> Tensor {
    call("clamp", self) { ct_clamp(handle, low, high, $0) }
  }

  /// 1 where the two are equal, else 0, as `bool`.
  public func isEqual(to other: Tensor) -> Tensor { call("equal", self, other) { ct_equal(handle, other.handle, $0) } }

  /// 1 where it is at least `bound`, else 0, as `bool`.
  public func isAtLeast(_ bound: Double) -> Tensor {
    call("at least \(bound)", self) { ct_at_least(handle, bound, $0) }
  }

  public func to(_ type: ElementType) -> Tensor {
    call("convert to \(type)", self) { ct_to(handle, type.c, device.c, $0) }
  }
  public func to(_ device: Device) -> Tensor {
    call("move to \(device)", self) { ct_to(handle, ct_type(handle), device.c, $0) }
  }

  // Reductions

  /// The sum over `axes`, or over all.
  public func sum(over axes: Int..., keepingAxes keep: Bool = false) -> Tensor {
    call("sum over \(axes)", self) { ct_sum(handle, axes.map(Int64.init), Int32(axes.count), keep, $0) }
  }
  /// The mean over `axes`, or over all.
  public func mean(over axes: Int..., keepingAxes keep: Bool = false) -> Tensor {
    call("mean over \(axes)", self) { ct_mean(handle, axes.map(Int64.init), Int32(axes.count), keep, $0) }
  }
  /// The Euclidean norm along `axis`.
  public func norm(over axis: Int, keepingAxes keep: Bool = false) -> Tensor {
    call("norm over \(axis)", self) { ct_norm(handle, Int64(axis), keep, $0) }
  }
  public func max(over axis: Int, keepingAxes keep: Bool = false) -> Tensor {
    call("max over \(axis)", self) { ct_amax(handle, Int64(axis), keep, $0) }
  }
  /// The index of the largest element along `axis`, `int64`.
  public func argmax(over axis: Int) -> Tensor {
    call("argmax over \(axis)", self) { ct_argmax(handle, Int64(axis), $0) }
  }
  public func logSoftmax(over axis: Int) -> Tensor {
    call("log softmax over \(axis)", self) { ct_log_softmax(handle, Int64(axis), $0) }
  }

  public func matmul(_ other: Tensor) -> Tensor {
    call("matrix product", self, other) { ct_matmul(handle, other.handle, $0) }
  }
}
