using System.Text.Json.Serialization;

namespace Metering.Gateway.Native;

/// <summary>
/// JSON of dialect E: strict, so that a mistyped field never becomes a charge (contract, rules of the pool, 9). Request records refuse
/// unknown fields by an attribute of their own, which the OpenAPI document shows as well.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    AllowDuplicateProperties = false,
    MaxDepth = JsonBody.MaxDepth)]
[JsonSerializable(typeof(DeductBody))]
[JsonSerializable(typeof(DeductBatchBody))]
[JsonSerializable(typeof(DeductionBody))]
[JsonSerializable(typeof(BatchDeductionBody))]
[JsonSerializable(typeof(RecordAccessBody))]
[JsonSerializable(typeof(RecordAccessAnswerBody))]
[JsonSerializable(typeof(TransactionListBody))]
[JsonSerializable(typeof(TransactionStatusBody))]
[JsonSerializable(typeof(RecordListBody))]
[JsonSerializable(typeof(VisitsBody))]
[JsonSerializable(typeof(VisitsAnswerBody))]
[JsonSerializable(typeof(RefundBody))]
[JsonSerializable(typeof(RefundAnswerBody))]
internal sealed partial class NativeJson : JsonSerializerContext;
