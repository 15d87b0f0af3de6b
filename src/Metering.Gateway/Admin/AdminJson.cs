using System.Text.Json.Serialization;

namespace Metering.Gateway.Admin;

/// <summary>JSON of operators' routes: strict like dialect E's.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, AllowDuplicateProperties = false, MaxDepth = JsonBody.MaxDepth)]
[JsonSerializable(typeof(AdminAccountBody))]
[JsonSerializable(typeof(AdminAccountCreateBody))]
[JsonSerializable(typeof(AdminAccountCreatedBody))]
[JsonSerializable(typeof(AdminAccountListBody))]
[JsonSerializable(typeof(AdminErasedBody))]
[JsonSerializable(typeof(AdminKeyCreateBody))]
[JsonSerializable(typeof(AdminKeyListBody))]
[JsonSerializable(typeof(AdminKeyRevokedBody))]
[JsonSerializable(typeof(AdminNewKeyBody))]
[JsonSerializable(typeof(AdminGrantBody))]
[JsonSerializable(typeof(AdminAdjustBody))]
[JsonSerializable(typeof(AdminPaymentBody))]
[JsonSerializable(typeof(AdminPaidBody))]
[JsonSerializable(typeof(AdminPostingBody))]
[JsonSerializable(typeof(AdminCouponBody))]
[JsonSerializable(typeof(AdminCouponCreateBody))]
[JsonSerializable(typeof(AdminCouponChangeBody))]
[JsonSerializable(typeof(AdminCouponListBody))]
[JsonSerializable(typeof(AdminRedemptionListBody))]
[JsonSerializable(typeof(AdminPlanListBody))]
[JsonSerializable(typeof(AdminPlanVersionListBody))]
[JsonSerializable(typeof(AdminAuditListBody))]
internal sealed partial class AdminJson : JsonSerializerContext;
