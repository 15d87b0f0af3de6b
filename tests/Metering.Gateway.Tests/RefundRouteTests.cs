using Metering.Engine;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Dialect E: refunds of deductions.</summary>
public sealed class RefundRouteTests : IAsyncLifetime
{
    private GatewayHost host = null!;
    private TestCaller caller = null!;

    public async Task InitializeAsync()
    {
        host = await GatewayHost.StartAsync();
        caller = await host.OpenAsync(bonus: 25);
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Fact]
    public async Task Partial_refunds_add_up_to_the_charge_and_no_further()
    {
        var id = await DeductAsync("""{"amount": 43}""");
        var first = await RefundAsync(id, """{"amount": 20.5, "description": "Half were outdated"}""");
        Assert.Equal(200, first.Status);
        Assert.Equal("102.5", first.Remaining);
        Assert.Null(first.Cost);
        first.HasJson($$"""{"transactionId": "{{IdOf(first)}}", "refundOf": "{{id}}", "refunded": 20.5, "credits": 102.5} """);
        var row = (await caller.GetAsync("/v1/transactions/" + IdOf(first))).Json.GetProperty("transaction");
        Assert.Equal(("REFUND", "Half were outdated"), (row.GetProperty("type").GetString(), row.GetProperty("description").GetString()));

        var tooMuch = await RefundAsync(id, """{"amount": 22.5001}""");
        Assert.Equal((422, "refund_exceeds_charge", "102.5"), (tooMuch.Status, tooMuch.Code, tooMuch.Remaining));
        Assert.Equal("125", (await RefundAsync(id)).Remaining);
        Assert.Equal(422, (await RefundAsync(id)).Status);
        Assert.Equal(422, (await RefundAsync(id, """{"amount": 0.0001}""")).Status);
        (await caller.GetAsync("/api/v1/credits/balance")).HasJson("""
            {"success": true, "data": {"monthlyCredits": 100, "bonusCredits": 25, "usedCredits": 0, "availableCredits": 125,
              "resetDay": 1, "lastResetAt": "2026-05-01T00:00:00.000Z", "carriedPermanentCredits": 0}}
            """);
    }

    [Fact]
    public async Task Refunds_at_once_never_give_back_more_than_was_charged()
    {
        var id = await DeductAsync("""{"amount": 10}""");
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => RefundAsync(id, """{"amount": 3}""")));
        Assert.Equal(3, answers.Count(answer => answer.Status == 200));
        Assert.Equal(17, answers.Count(answer => answer.Status == 422));
        Assert.Equal("""{"credits":124}""", (await caller.GetAsync("/v1/credits")).Body);
    }

    [Fact]
    public async Task A_whole_refund_of_a_records_charge_ends_its_subscription()
    {
        const string Access = """{"records": [{"type": "company", "id": "acme"}]}""";
        var bought = await caller.PostAsync("/v1/records/access", Access);
        Assert.Null((await caller.PostAsync("/v1/records/access", Access)).Cost);
        Assert.Equal(200, (await RefundAsync(IdOf(bought))).Status);
        var again = await caller.PostAsync("/v1/records/access", Access);
        Assert.Equal("1", again.Cost);
        Assert.Equal("subscribed", again.Json.GetProperty("records")[0].GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_retry_gets_the_first_answer_and_gives_nothing_back()
    {
        var id = await DeductAsync("""{"amount": 10}""");
        var first = await RefundAsync(id, """{"amount": 4}""", "refund-1");
        var retry = await RefundAsync(id, """{"amount": 4.0}""", "refund-1");
        Assert.True(retry.IsReplay);
        Assert.Equal(first.Body, retry.Body);
        Assert.Equal("119", retry.Remaining);
        Assert.Equal(422, (await RefundAsync(id, """{"amount": 5}""", "refund-1")).Status);
        Assert.Equal(400, (await RefundAsync(id, null, new string('k', 256))).Status);
    }

    [Theory]
    [InlineData("""{"amount": 0}""", "amount")]
    [InlineData("""{"amount": -1}""", "amount")]
    [InlineData("""{"amount": 0.00001}""", "amount")]
    [InlineData("""{"amount": NaN}""", "amount")]
    [InlineData("""{"amount": 1e400}""", "amount")]
    [InlineData("""{"amount": 1, "amount": 2}""", "amount")]
    [InlineData("""{"amuont": 1}""", "amuont")]
    [InlineData("""{"description": "a\u0000b"}""", "description")]
    public async Task A_bad_refund_is_400_and_gives_nothing_back(string body, string field)
    {
        var answer = await RefundAsync(await DeductAsync("""{"amount": 10}"""), body);
        Assert.Equal((400, field, "115"), (answer.Status, answer.Field, answer.Remaining));
    }

    [Fact]
    public async Task What_is_no_deduction_of_this_account_cannot_be_refunded()
    {
        var id = await DeductAsync("""{"amount": 10}""");
        var malformed = await RefundAsync("txn_1");
        Assert.Equal((400, "id"), (malformed.Status, malformed.Field));
        var unknown = await RefundAsync(new TransactionId(99, 1).ToString());
        Assert.Equal((404, "transaction_unknown"), (unknown.Status, unknown.Code));
        var stranger = await host.OpenAsync();
        Assert.Equal(404, (await stranger.PostAsync($"/v1/transactions/{id}/refund")).Status);
        var grant = (await caller.GetAsync("/v1/transactions")).Json.GetProperty("transactions")[1];
        Assert.Equal("BONUS", grant.GetProperty("type").GetString());
        var refused = await RefundAsync(grant.GetProperty("id").GetString()!);
        Assert.Equal((422, "transaction_not_refundable"), (refused.Status, refused.Code));
    }

    [Fact]
    public async Task A_customers_key_gives_nothing_back()
    {
        var customer = await host.AddKeyAsync(caller.Account, ApiKeyScopes.Read | ApiKeyScopes.Spend);
        var answer = await customer.PostAsync($"/v1/transactions/{await DeductAsync("""{"amount": 10}""")}/refund");
        Assert.Equal((403, "scope_missing", "115"), (answer.Status, answer.Code, answer.Remaining));
    }

    private static string IdOf(Answer answer) => answer.Json.GetProperty("transactionId").GetString()!;

    private async Task<string> DeductAsync(string body) => IdOf(await caller.PostAsync("/v1/credits/deduct", body));

    private Task<Answer> RefundAsync(string id, string? body = null, string? idempotencyKey = null) =>
        caller.PostAsync($"/v1/transactions/{id}/refund", body, idempotencyKey);
}
