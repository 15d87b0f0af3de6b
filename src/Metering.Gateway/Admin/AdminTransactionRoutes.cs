using Metering.Gateway.Native;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Admin;

/// <summary>Operators' look at an account's transactions, as the account itself sees them.</summary>
internal static class AdminTransactionRoutes
{
    public static void Map(RouteGroupBuilder admin) => admin.MapGet("accounts/{id}/transactions", List)
        .WithTags("Administration: accounts")
        .Document("An account's transactions, newest first, as GET /v1/transactions shows them to itself", new()
        {
            Query = TransactionRoutes.ListParameters,
            ResponseExample = TransactionRoutes.ListExample,
        })
        .Produces<TransactionListBody>()
        .ProducesProblems(400, 401, 403, 404, 500, 503);

    private static async Task<IResult> List(string id, HttpContext context, ICreditMeter meter) => AdminValues.ReadAccount(id, out var account) is { } failure
        ? failure.ToResult()
        : await TransactionRoutes.ListAsync(account, context, meter).ConfigureAwait(false);
}
