using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Admin;

/// <summary>Operators cancel an account's subscription at the end of what is paid, and take that back.</summary>
internal static class AdminSubscriptionRoutes
{
    public static void Map(RouteGroupBuilder admin)
    {
        var group = admin.MapGroup("accounts/{id}").WithTags("Administration: accounts");
        group.MapPost("cancel", Cancel)
            .Document("Cancel an account's subscription at the end of what is paid (endsAt); a planned change of plan is withdrawn", new()
            {
                ResponseExample = AdminAccountRoutes.AccountExample,
                Changes = true,
            })
            .Produces<AdminAccountBody>()
            .ProducesProblems(400, 401, 402, 403, 404, 422, 500, 503);
        group.MapPost("resume", Resume)
            .Document("Take an account's cancellation back, also after its end; without one nothing changes", new()
            {
                ResponseExample = AdminAccountRoutes.AccountExample,
                Changes = true,
            })
            .Produces<AdminAccountBody>()
            .ProducesProblems(400, 401, 403, 404, 422, 500, 503);
    }

    private static Task<IResult> Cancel(string id, HttpContext context, AdminDesk desk, AdminAccounts accounts, ICreditMeter meter) => TakeAsync(
        id, context, desk, accounts, "account.cancel", (account, request) => meter.CancelAsync(account, request));

    private static Task<IResult> Resume(string id, HttpContext context, AdminDesk desk, AdminAccounts accounts, ICreditMeter meter) => TakeAsync(
        id, context, desk, accounts, "account.resume", (account, request) => meter.ResumeAsync(account, request));

    private static async Task<IResult> TakeAsync(
        string id, HttpContext context, AdminDesk desk, AdminAccounts accounts, string action, Func<AccountId, SubscriptionRequest, ValueTask<Outcome<Balance>>> command)
    {
        var (account, key, failure) = AdminCreditRoutes.ReadTarget(id, context);
        return failure is not null
            ? failure.ToResult()
            : await desk.TakeAsync(
                context, new(action, account, []), () => accounts.AnswerAsync(account, () => command(account, new() { IdempotencyKey = key }))).ConfigureAwait(false);
    }
}
