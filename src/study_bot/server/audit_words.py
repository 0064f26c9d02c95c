"""What the actions of the audit trail are called on the page."""

from __future__ import annotations

AREAS = {
    "session": "登录",
    "person": "人员",
    "unit": "单位",
    "roster": "名册",
    "file": "文献",
    "index": "索引",
    "question": "提问",
    "feedback": "反馈",
    "backup": "备份",
    "audit": "审计",
}
"""The part of an action before the dot, with its name."""

_ACTIONS = {
    "session.sign_in": "登录",
    "session.refused": "登录失败",
    "session.sign_out": "退出登录",
    "session.revoke": "强制退出",
    "person.create": "新增人员",
    "person.change": "修改人员",
    "person.open": "启用账号",
    "person.close": "停用账号",
    "person.change_password": "修改自己的密码",
    "person.reset_password": "重置密码",
    "person.reissue": "批量重发一次性密码",
    "unit.add": "新增单位",
    "unit.rename": "单位改名",
    "unit.move": "移动单位",
    "unit.remove": "删除单位",
    "roster.apply": "导入名册",
    "file.give": "上传文献",
    "file.correct": "更正文献信息",
    "file.publish": "发布文献",
    "file.replace": "发布新版本",
    "file.retire": "停用文献",
    "file.bring_back": "恢复文献",
    "file.delete": "删除文献",
    "file.undelete": "撤销删除",
    "file.follow": "跟随文件夹移动",
    "file.purge": "彻底清除文献",
    "index.request": "申请更新索引",
    "index.again": "重新排队更新索引",
    "index.publish": "启用新索引",
    "index.same": "索引无变化",
    "index.fail": "更新索引失败",
    "index.cancel": "取消更新索引",
    "index.cancelled": "更新索引已取消",
    "index.roll_back": "回退索引",
    "question.read": "查看他人提问",
    "question.forget": "删除自己的提问",
    "question.purge": "清除过期提问",
    "feedback.settle": "处理反馈",
    "feedback.case": "反馈转为评测题",
    "backup.create": "备份",
    "backup.restore": "恢复备份",
    "audit.export": "导出审计记录",
}


def action_words(action: str) -> str:
    """The name of an action; an unknown one by its area and its own word."""
    area, _, verb = action.partition(".")
    return _ACTIONS.get(action) or f"{AREAS.get(area, area)}：{verb}"


_DETAILS = {
    "name": "文件名",
    "sha256": "内容指纹",
    "error": "原因",
    "replaces": "取代",
    "from": "原为",
    "to": "改为",
    "task": "任务",
    "files": "文献",
    "failures": "未收入",
    "questions": "提问",
    "newest": "最新编号",
    "oldest": "最早编号",
    "documents": "文献",
    "before": "此前",
    "after": "此后",
    "title": "标题",
    "category": "分类",
    "promulgated": "公布日期",
    "effective": "施行日期",
    "repealed": "失效日期",
    "status": "有效性",
    "aliases": "简称",
    "version_of": "所属文献",
}

_DIGEST_SHOWN = 12


def detail_words(name: str, value: str) -> tuple[str, str]:
    """A detail of a line for the page: its name in Chinese, a digest only as far as people compare it."""
    return _DETAILS.get(name, name), value[:_DIGEST_SHOWN] + "…" if name == "sha256" else value
