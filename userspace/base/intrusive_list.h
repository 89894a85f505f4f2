// Doubly linked list whose links are embedded in the elements: no allocation, removal in constant
// time. Owns nothing: an element must leave the list before it dies. Thread: one owner.
#pragma once

#include "userspace/base/check.h"

namespace sluice::base {

// Inherit from ListLink<Tag>; one tag per list an element can be on at the same time.
template <typename Tag>
class ListLink {
 public:
  ListLink() = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() { SLUICE_DCHECK(!is_linked()); }

  bool is_linked() const { return next_ != nullptr; }
  void Unlink() {
    if (!is_linked()) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <typename T, typename OtherTag>
  friend class IntrusiveList;
  ListLink* next_ = nullptr;
  ListLink* previous_ = nullptr;
};

template <typename T, typename Tag>
class IntrusiveList {
 public:
  IntrusiveList() { Reset(); }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (PopFront() != nullptr) {
    }
    head_.next_ = head_.previous_ = nullptr;
  }

  bool is_empty() const { return head_.next_ == &head_; }
  T* front() { return is_empty() ? nullptr : Element(head_.next_); }
  T* back() { return is_empty() ? nullptr : Element(head_.previous_); }
  // For range-based loops; the list must not change meanwhile, but elements may be added behind.
  class Iterator {
   public:
    explicit Iterator(ListLink<Tag>* link) : link_(link) {}
    T& operator*() const { return *Element(link_); }
    Iterator& operator++() {
      link_ = link_->next_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return link_ != other.link_; }

   private:
    ListLink<Tag>* link_;
  };
  Iterator begin() { return Iterator(head_.next_); }
  Iterator end() { return Iterator(&head_); }
  void PushBack(T& element) { InsertBefore(&head_, element); }
  void PushFront(T& element) { InsertBefore(head_.next_, element); }
  T* PopFront() {
    T* element = front();
    if (element != nullptr) static_cast<ListLink<Tag>*>(element)->Unlink();
    return element;
  }
  // Takes all elements of `other`, in order, behind our own.
  void TakeAll(IntrusiveList& other) {
    while (T* element = other.PopFront()) PushBack(*element);
  }

 private:
  static T* Element(ListLink<Tag>* link) { return static_cast<T*>(link); }
  void Reset() { head_.next_ = head_.previous_ = &head_; }
  void InsertBefore(ListLink<Tag>* position, T& element) {
    ListLink<Tag>& link = element;
    SLUICE_DCHECK(!link.is_linked());
    link.next_ = position;
    link.previous_ = position->previous_;
    position->previous_->next_ = &link;
    position->previous_ = &link;
  }

  ListLink<Tag> head_;
};

}  // namespace sluice::base
